//! Templates (see templates.rs) around coroutines: yields across everything that can be crossed and some of what cannot, errors
//! through resume, closing in the middle, coroutines in coroutines and in cycles, schedulers, recursive generators.

use super::generate::Generator;

impl Generator {
    /// One of the templates; there are six.
    pub(super) fn coroutine_template(&mut self, which: usize, n: u64) -> String {
        match which {
            0 => self.crossing(n),
            1 => self.scheduler(n),
            2 => self.chain(n),
            3 => self.recursive_generator(n),
            4 => self.ends(n),
            _ => self.boundaries(n),
        }
    }

    /// Yields across pcall, xpcall, metamethods, iterators and `<close>`.
    fn crossing(&mut self, n: u64) -> String {
        let (x, y, s) = (self.num(1), self.int(1), self.stranger());
        let (d, e) = (self.rng.range(2, 9), self.rng.range(2, 9));
        format!(
            "local yield, mt = coroutine.yield, {{}}
             mt.__index = function(t, k) return yield(k) end mt.__newindex = function(t, k, v) rawset(t, 'n', (rawget(t, 'n') or 0) + (yield(v) or 1)) end
             mt.__add = function(a, b) return (yield('add') or 0) + {x} end mt.__concat = function() return 'c' .. ts(yield('cat')) end
             mt.__lt = function() return yield('lt') end mt.__eq = function() return yield('eq') end mt.__len = function() return yield('len') end
             mt.__call = function(self, a, ...) return yield(a, ...) end mt.__close = function(_, e) yield(e and 'ce' or 'c') end mt.__unm = function() return yield('unm') end
             local function o() return setmetatable({{}}, mt) end
             local function iter(n, i) if i < n then yield('it') return i + 1 end end
             local function body(m)
             local s, a, b = 0, o(), o()
             for k = 1, m do
             local ok, r = pcall(function(k) local v = yield(k) if k % {d} == 0 then error('d' .. k) end return v end, k) s = s + (ok and (tonumber(r) or 3) or 7) % 1000
             if k % 3 == 0 then s = s + (tonumber(a.foo) or 1) % 100 a.bar = k s = s + (a + k) % 100 end
             if k % 4 == 1 then s = s + #(a .. 'x') + (a < b and 1 or 2) + (a == b and 4 or 8) + (tonumber(#a) or 0) % 100 + (tonumber(-a) or 5) % 100 end
             if k % 5 == 2 then for i in iter, 3, 0 do s = s + i end s = s + select('#', a(k, {y})) end
             if k % 7 == 3 then local c <close> = o() s = s + 1 end
             if k % {e} == 1 then local ok, r = xpcall(function(v) yield('x') return v + {s} end, function(m) return type(m) == 'string' and #m or 1 end, k) s = s + (ok and 1 or r) end
             end
             return s
             end
             local total, steps = 0, 0
             for r = 1, 3 do
             local co, v, ok = coroutine.create(body), {n}, nil
             repeat ok, v = coroutine.resume(co, steps % 4 == 0 and steps or v) steps = steps + 1 if steps < 12 then out(ok, v) end if not ok then out(v) elseif tonumber(v) then total = (total + v) % 1000003 end v = tonumber(v) or steps until coroutine.status(co) == 'dead' or steps > 2000
             end
             return total, steps"
        )
    }

    /// Tasks in a queue, which yield, start others, fail, or end.
    fn scheduler(&mut self, n: u64) -> String {
        let (x, tasks) = (self.int(1), self.rng.range(2, 12));
        let (a, b, c) = (self.rng.range(3, 20), self.rng.range(2, 9), self.rng.range(5, 30));
        format!(
            "local queue, done, failed, log, made = {{}}, 0, 0, 0, 0
             local function spawn(f, ...) made = made + 1 local co = coroutine.create(f) queue[#queue + 1] = {{ co, ... }} return co end
             local function task(id, m)
             local s = 0
             for k = 1, m do
             s = s + k * {x} % 17
             if k % {b} == 0 then s = s + (coroutine.yield(id, s) or 1) end
             if k % {c} == 0 and made < 60 then spawn(task, id + 1, m // 2) end
             if (k + id) % {a} == 0 and k > m // 2 then error('task ' .. id) end
             end
             return 'done', s
             end
             for i = 1, {tasks} do spawn(task, i, {n}) end
             local turns = 0
             while #queue > 0 and turns < 4000 do
             turns = turns + 1
             local t = table.remove(queue, 1)
             local ok, a, b = coroutine.resume(table.unpack(t))
             if not ok then failed = failed + 1 if failed < 4 then out(a) end elseif coroutine.status(t[1]) == 'dead' then done = done + 1 log = (log * 31 + b) % 1000003 else log = (log * 7 + b) % 1000003 queue[#queue + 1] = {{ t[1], turns % 5 }} end
             end
             return done, failed, log, turns, made"
        )
    }

    /// Coroutines that consume coroutines.
    fn chain(&mut self, n: u64) -> String {
        let (x, depth, p) = (self.num(1), self.rng.range(1, 6), self.rng.range(2, 5));
        format!(
            "local wrap, yield = coroutine.wrap, coroutine.yield
             local function source(m) return wrap(function() for i = 1, m do yield(i, i % 3 == 0 and {x} or nil) end end) end
             local function map(g, k) return wrap(function() for a, b in g do yield(a + k, b or k) end return nil end) end
             local function filter(g) return wrap(function(first) local n = 0 for a, b in g do n = n + 1 if a % {p} ~= 0 then yield(a, b, n) end end end) end
             local s, c = 0, 0
             for r = 1, 4 do
             local g = source({n}) for i = 1, {depth} do g = i % 2 == 0 and filter(g) or map(g, i) end
             for a, b, m in g do s = (s + a + (tonumber(b) or 1) + (m or 0)) % 1000003 c = c + 1 if r == 3 and c % 50 == 0 then break end end
             if r ~= 3 then out(pcall(g)) end
             end
             return s, c"
        )
    }

    /// Yields from the depth of a recursion, compiled or not.
    fn recursive_generator(&mut self, n: u64) -> String {
        let (x, size, deep) = (self.int(1), self.rng.range(2, 6), self.rng.range(5, 120));
        format!(
            "local yield, wrap = coroutine.yield, coroutine.wrap
             local function perms(a, n) if n <= 1 then yield(a) else for i = 1, n do a[n], a[i] = a[i], a[n] perms(a, n - 1) a[n], a[i] = a[i], a[n] end end end
             local function tree(a, b) if a <= b then local m = (a + b) // 2 return {{ l = tree(a, m - 1), v = m, r = tree(m + 1, b) }} end end
             local function walk(t) if t then walk(t.l) yield(t.v, {x}) walk(t.r) end end
             local function walk2(t) return wrap(function() if t then for v in walk2(t.l) do yield(v) end yield(t.v) for v in walk2(t.r) do yield(v) end end end) end
             local function down(k) if k == 0 then return yield('bottom') end local v = down(k - 1) return v + 1 end
             local s = 0
             for p in wrap(function() local t = {{}} for i = 1, {size} do t[i] = i end perms(t, {size}) end) do for i, v in ipairs(p) do s = (s * 3 + v * i) % 1000003 end end
             local t = tree(1, {n})
             for r = 1, 3 do for v, x in wrap(function() walk(t) end) do s = (s * 3 + v) % 1000003 end end
             for v in walk2(tree(1, {m})) do s = (s * 5 + v) % 1000003 end
             for r = 1, 3 do local f = wrap(down) out(f({deep} * r)) s = s + f(r) end
             return s",
            m = n.min(25)
        )
    }

    /// How coroutines end: return, error, close while suspended, dropped; who asks afterwards.
    fn ends(&mut self, n: u64) -> String {
        let (x, y) = (self.stranger(), self.num(1));
        let (a, b) = (self.rng.range(2, 7), self.rng.range(1, 6));
        format!(
            "local order, s = '', 0
             local function closer(v, bad) return setmetatable({{}}, {{ __close = function(_, e) order = (order .. v % 10 .. (e and 'e' or '')):sub(-40) if bad then error('close ' .. v, 0) end end }}) end
             local function inner(k, m) for i = 1, m do local v = coroutine.yield(k, i) s = s + (tonumber(v) or 2) % 100 if i == {a} and k % 3 == 0 then error(k % 2 == 0 and {{ k }} or 'e' .. k) end end return k end
             local function body(k, m) local c <close> = closer(k) if k % 4 == 0 then local d <close> = closer(k + 1, k % 8 == 0) inner(k, m) end return inner(k, m) + {y}, k % 7 == 5 and k + {x} end
             for k = 1, {n} do
             local co = coroutine.create(body)
             local stop, v, ok = k % {b} + 1, k, true
             for i = 1, k % 9 do if coroutine.status(co) ~= 'dead' and i ~= stop * 2 then ok, v = coroutine.resume(co, i == 1 and k or v, 3 + k % 4) if not ok and k < 30 then out(v) end end end
             if k % 3 == 1 then local ok, e = coroutine.close(co) s = s + (ok and 1 or 5) if not ok and k < 40 then out(e) end end
             if k % 5 == 0 then local ok, e = coroutine.resume(co, 1) if k < 40 then out(ok, e) end s = s + (ok and 1 or 3) end
             s = s + #coroutine.status(co)
             end
             return s, order"
        )
    }

    /// Where a yield is refused, and that everything goes on afterwards.
    fn boundaries(&mut self, n: u64) -> String {
        let (x, d) = (self.num(1), self.rng.range(2, 6));
        format!(
            "local yield = coroutine.yield
             local refused = {{
             function(k) table.sort({{ 3, 1, k }}, function(a, b) if k % {d} == 0 then yield(a) end return a < b end) return 'sorted' end,
             function(k) return (('a' .. k):gsub('%w', function(c) return k % {d} == 1 and yield(c) or nil end)) end,
             function(k) return tostring(setmetatable({{}}, {{ __tostring = function() if k % {d} == 0 then yield(k) end return 's' .. k end }})) end,
             function(k) return table.concat(setmetatable({{}}, {{ __index = function(_, i) return k % {d} == 0 and yield(i) or i end, __len = function() return 3 end }}), ',') end,
             function(k) return select(2, xpcall(error, function(m) return ts(pcall(yield, m)) end, k)) end,
             function(k) return yield(k) + {x} end,
             function(k) return coroutine.wrap(function() return yield(k), coroutine.isyieldable() end)() end,
             function(k) return (select(2, pcall(load, function() return k % {d} == 0 and yield('chunk') or nil end))) ~= nil end,
             }}
             local function body(m) local s = 0 for k = 1, m do local ok, r = pcall(refused[k % #refused + 1], k) if k < 20 then out(ok, r) end s = s + (ok and 1 or 10) + (tonumber(r) or 0) % 100 end return s end
             local total = 0
             for r = 1, 2 do
             local co, ok, v = coroutine.create(body), nil, {n}
             repeat ok, v = coroutine.resume(co, tonumber(v) or 1) until coroutine.status(co) == 'dead'
             total = total + v
             end
             return total, pcall(yield, 1)"
        )
    }
}
