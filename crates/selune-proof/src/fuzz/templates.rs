//! Hot loops around what compilers get wrong: templates with holes, filled with random expressions and values. They cover what
//! free combination seldom hits: overflow, holes in tables, varargs, orders of evaluation, metamethods of all kinds,
//! errors and closing in loops, iterators made of coroutines, sites that see many types.

use super::generate::Generator;
use super::tree::Stmt;

/// Integers around which representations change.
const EDGES: &[&str] = &[
    "140737488355327", "-140737488355328", "math.maxinteger", "math.mininteger", "1 << 31", "-(1 << 31)", "(1 << 53) + 1", "0", "-1",
];
/// Bounds and steps of numeric loops (start, limit, step), all with few turns.
const RANGES: &[&str] = &[
    "math.maxinteger - 2, math.maxinteger", "math.mininteger + 2, math.mininteger, -1", "1, 0", "3, 1", "1, 3, 7", "-3, 3, 2",
    "1.0, 3", "1, 3.9", "0.1, 1, 0.3", "3, -3, -1.5", "-1, 1, 1 << 40", "math.maxinteger - 5, math.huge, 2", "1, -math.huge",
    "140737488355326, 140737488355329", "-140737488355327, -140737488355330, -1", "'1', 2", "1, 2, 0", "2^53 - 4, 2^53 - 1",
];
/// Arguments for sites that see many types.
const MANY: &[&str] = &["k", "k + 0.5", "tostring(k)", "-k", "k << 44", "{ k }", "nil", "k % 2 == 0", "k * 1.0", "'x'", "0/0", "k * 2^40"];

impl Generator {
    /// Adds a loop of one of the kinds.
    pub(super) fn template(&mut self, body: &mut Vec<Stmt>) {
        let n = self.turns_here().min(60);
        if !self.affords(n * 40) {
            return;
        }
        self.cost += self.turns * n * 20;
        let show = if self.turns > 20 { "note" } else { "out" };
        let in_vararg = std::mem::replace(&mut self.in_vararg, false);
        let text = match self.rng.below(20) {
            0 => self.overflow(n),
            1 => self.holes(n),
            2 => self.ranges(n),
            3 => self.varargs(n),
            4 => self.order(n),
            5 => self.errors(n),
            6 => self.metamethods(n),
            7 => self.many_types(n),
            8 => self.building(n),
            9 => self.generators(n),
            10 => self.captured(n),
            11 => self.jumps(n),
            12 => self.inheritance(n),
            13 => self.closing_loop(n),
            i => self.coroutine_template(i - 14, n),
        };
        self.in_vararg = in_vararg;
        // A pcall around it: what it throws is shown, and the program goes on.
        let inner = text.lines().map(|l| Stmt::line(l.trim_start())).collect();
        body.push(Stmt::block(format!("{show}(pcall(function()"), inner, "end))"));
    }

    fn edge(&mut self) -> &'static str {
        *self.rng.pick(EDGES)
    }

    fn overflow(&mut self, n: u64) -> String {
        let (a, b, op, op2) = (self.edge(), self.int(1), *self.rng.pick(&["+", "-", "*", "~", "|"]), *self.rng.pick(&["+", "-", "*", "//", "%", "<<", ">>"]));
        format!(
            "local a, b, c = {a}, {b}, 0
             for k = 1, {n} do a = a {op} k * b if a > {e} then a = a {op2} 3 c = c + 1 end if k % 7 == 0 then b = -b end end
             return a, b, c, math.type(a)",
            e = self.edge(),
        )
    }

    fn holes(&mut self, n: u64) -> String {
        let (v, m, d) = (self.int(1), self.rng.range(3, 40), self.rng.range(2, 6));
        format!(
            "local t, s, c = {{ 1, 2, nil, 4 }}, 0, 0
             for k = 1, {n} do t[k * 3 % {m} - 1] = {v} if k % {d} == 0 then t[k] = nil t[k / 2] = k end t[k % 3 + 0.0] = k end
             for k = -2, {n} do local x = t[k] if x == nil then c = c + 1 elseif math.type(x) == 'integer' then s = s ~ x end end
             local w = 0 for k, x in next, t do w = w + 1 end
             return s, c, w, rawlen(t) >= 0"
        )
    }

    fn ranges(&mut self, n: u64) -> String {
        let (a, b) = (self.rng.pick(RANGES), self.rng.pick(RANGES));
        format!(
            "local s, c = 0, 0
             local function run(i) if i % 2 == 0 then for k = {a} do s = s + k c = c + 1 end else for k = {b} do s = s - k c = c + 2 end end end
             for i = 1, {n} do local ok, e = pcall(run, i) if not ok and i < 4 then out(e) end end
             return s, c"
        )
    }

    fn varargs(&mut self, n: u64) -> String {
        let (x, i) = (self.num(1), self.rng.range(-3, 4));
        format!(
            "local function pass(...) return ... end
             local function v(a, ...) local b, c = ... local t = {{ ... }} return select('#', ...), b, c, t[2] or 0, (...), a end
             local s = 0
             for k = 1, {n} do
             local c, b, d, m = v(pass(k, k % 2 == 0 and {x} or nil, pass(k, k + 1)))
             s = s + c + m + (b or 1) + select('#', pass(table.unpack({{ k, k }}, 1, k % 4)))
             if k % 3 == 0 then c, b = (pass(1, 2)), pass() s = s + c + (b or 7) end
             if k % 5 == 0 then local ok, e = pcall(select, {i}, k, 2, 3) s = s + (ok and e or 100) end
             end
             return s, v(), v(1, nil, nil)"
        )
    }

    fn order(&mut self, n: u64) -> String {
        let (a, b) = (self.int(1), self.num(1));
        format!(
            "local i, t, u = 1, {{ 1, 2, 3 }}, {{ x = 1, y = 2 }}
             for k = 1, {n} do
             i, t[i] = i % 3 + 1, {a}
             t[i], t[i % 3 + 1], i = i, t[i], t[i % 3 + 1] and i
             u.x, u.y = u.y, {b}
             u.x, u.x = k, u.x
             local x, y, z = k, (function() i = i + 0 return k + 1, k + 2 end)()
             if z - y ~= 1 then error('order') end
             end
             return i, t[1], t[2], t[3], u.x, u.y"
        )
    }

    fn errors(&mut self, n: u64) -> String {
        let (x, s) = (self.stranger(), self.num(1));
        format!(
            "local s, last = 0, nil
             local function f(k, x) if k % 4 == 0 then error({{ code = k }}) elseif k % 4 == 1 then error('at ' .. k, 2) elseif k % 4 == 2 then return x + 1 end return x.y.z end
             local function g(k) local ok, e = pcall(f, k, k % 8 < 6 and {s} or {x}) if not ok and type(e) == 'table' then error(e) end return ok, e end
             for k = 1, {n} do
             local ok, a, b = xpcall(g, function(m) return type(m) == 'table' and m.code or m end, k)
             s = s + (ok and 1 or 10) last = ok and b or a
             if k < 9 then out(ok, a, b) end
             end
             return s, last"
        )
    }

    fn metamethods(&mut self, n: u64) -> String {
        let (op, cmp) = (*self.rng.pick(&["+", "-", "*", "/", "%", "//", "^", "&", "|", "~", "<<", ".."]), *self.rng.pick(&["<", "<=", ">", "=="]));
        let name = match op {
            "+" => "add", "-" => "sub", "*" => "mul", "/" => "div", "%" => "mod", "//" => "idiv", "^" => "pow", "&" => "band", "|" => "bor",
            "~" => "bxor", "<<" => "shl", _ => "concat",
        };
        format!(
            "local log, mt = 0, {{}}
             local function new(v) return setmetatable({{ v = v }}, mt) end
             local function val(o) return type(o) == 'table' and o.v or o end
             mt.__{name} = function(a, b) log = log + 1 return new((val(a) + val(b)) % 1000) end
             mt.__lt = function(a, b) return val(a) < val(b) end mt.__le = function(a, b) return val(a) <= val(b) end
             mt.__eq = function(a, b) log = log + 100 return a.v == b.v end
             mt.__len = function(a) return a.v end mt.__unm = function(a) return new(-a.v) end mt.__bnot = function(a) return a.v end
             mt.__call = function(self, a, ...) return self.v + (a or 0), ... end
             mt.__index = function(t, k) return k == 'w' and t.v * 2 or nil end
             mt.__newindex = function(t, k, v) rawset(t, k, v) log = log + 1 end
             local a, c = new(1), 0
             for k = 1, {n} do
             a = a {op} k a = k {op} a a = a {op} new(k)
             if a {cmp} new(k) then c = c + 1 end
             c = c + #a + (-a).v + ~a + a(k) + select('#', a(1, 2, 3)) + (a.w or 0) + (a.q and 1 or 0)
             if k % 5 == 0 then a['f' .. k % 3] = k end
             end
             return a.v, c, log, a ~= new(1), a.f1"
        )
    }

    fn many_types(&mut self, n: u64) -> String {
        let picks: Vec<String> = (0..5).map(|_| self.rng.pick(MANY).to_string()).collect();
        let (a, b) = (self.num(1), self.stranger());
        format!(
            "local function op(a, b) return a + b, a < b, a .. b end
             local function get(o) return o.x or o[1] end
             local s = 0
             for k = 1, {n} do
             local args = {{ {p0}, {p1}, {p2}, {p3}, {p4} }}
             local x = args[k % 5 + 1]
             local ok, r, l = pcall(op, x, k % 11 == 0 and {b} or {a})
             if ok then s = s + (r == r and r % 7 or 1) + (l and 1 or 0) elseif k < 6 then out(r) end
             ok, r = pcall(get, k % 3 == 0 and {{ x = k }} or k % 3 == 1 and {{ k, x = false }} or x)
             if ok and tonumber(r) then s = s + 1 end
             end
             return s",
            p0 = picks[0], p1 = picks[1], p2 = picks[2], p3 = picks[3], p4 = picks[4],
        )
    }

    fn building(&mut self, n: u64) -> String {
        let (v, x) = (self.string(1), self.num(1));
        format!(
            "local s, t, h = '', {{}}, 0
             for k = 1, {n} do
             s = s .. k .. {v} .. ts({x}) if #s > 60 then s = s:sub(-20) end
             t[#t + 1] = s:sub(k % 5 + 1, -k % 3) t[s:sub(1, 2)] = (t[s:sub(1, 2)] or 0) + 1
             for i = 1, #s do h = (h * 31 + s:byte(i)) & 0xffffff end
             if s == t[#t] or s < 'm' then h = h + 1 end
             end
             return s, h, #table.concat(t, ',')"
        )
    }

    fn generators(&mut self, n: u64) -> String {
        let (x, m) = (self.num(1), n.min(12));
        format!(
            "local function iter(m) return coroutine.wrap(function(a) for i = 1, m do local b = coroutine.yield(i, a) a = (b or 0) + {x} if i == 9 then error('nine') end end end) end
             local s = 0
             for k = 1, {m} do
             local ok, e = pcall(function() for i, a in iter(k) do s = s + i * (a and 2 or 1) end end)
             if not ok and k < 12 then out(e) end
             local co = coroutine.create(function(...) local t = {{ pcall(function(...) return coroutine.yield(...) end, ...) }} return #t, t[2] end)
             local _, y = coroutine.resume(co, k, 2) local _, c, d = coroutine.resume(co, k * 2)
             s = s + y + c + d
             end
             return s"
        )
    }

    fn captured(&mut self, n: u64) -> String {
        let x = self.int(1);
        format!(
            "local fs, total = {{}}, 0
             for k = 1, {n} do
             local a, b = k, {x}
             local function inc(d) a = a + d b = b ~ a total = total + 1 return a end
             local function read() return a, b, k end
             if k % 3 == 0 then a = a * 2 end
             fs[k % 8 + 1] = k % 2 == 0 and inc or read
             if fs[k % 5 + 1] then local p, q = fs[k % 5 + 1](k) total = total + p % 100 + (q or 0) % 10 end
             end
             return total, fs[2] ~= nil"
        )
    }

    fn jumps(&mut self, n: u64) -> String {
        let (c, x) = (self.boolean(1), self.int(1));
        format!(
            "local s, k, fs = 0, 0, {{}}
             ::top::
             k = k + 1
             for i = 1, 6 do
             local v = i * k
             for j = 1, 4 do if (i + j) % 3 == 0 then goto continue end if {c} and j == 3 then goto out end s = s + v ~ {x} ::continue:: end
             if v % 5 == 0 then fs[1] = function() v = v + 1 return v end end
             end
             ::out::
             if fs[1] then s = s + fs[1]() end
             if k < {n} then goto top end
             return s, k"
        )
    }

    fn inheritance(&mut self, n: u64) -> String {
        let (x, y) = (self.num(1), self.int(1));
        format!(
            "local A = {{ kind = 'A' }} A.__index = A function A.new(v) return setmetatable({{ v = v }}, A) end
             function A:get(d) return self.v + d end function A:put(v) self.v = v return self end
             local B = setmetatable({{ kind = 'B' }}, A) B.__index = B function B.new(v) local o = A.new(v) o.extra = 1 return setmetatable(o, B) end
             function B:get(d) return A.get(self, d) * 2 end
             local s, names = 0, ''
             for k = 1, {n} do
             local o = (k % 3 == 0 and B or A).new(k % 7 == 0 and {x} or {y})
             s = s + o:get(k) % 1000 names = o.kind .. names:sub(1, 3)
             if k == {h} then A.get = function(self, d) return self.v - d end end
             if k % 9 == 0 then B.kind = k % 2 == 0 and 'C' or nil end
             o:put(k):put(o.missing or 3) s = s + o.v
             end
             return s, names",
            h = n / 2
        )
    }

    fn closing_loop(&mut self, n: u64) -> String {
        let c = self.boolean(1);
        format!(
            "local s, order = 0, ''
             local function closer(v) return setmetatable({{}}, {{ __close = function(_, e) s = s + v order = (order .. v % 10 .. (e and 'e' or '')):sub(-30) end }}) end
             local function f(k) local a <close> = closer(k) if k % 3 == 0 then local b <close> = closer(k + 1) if {c} then return k end end if k % 5 == 0 then error('five', 0) end return k, 2 end
             for k = 1, {n} do
             local ok, a, b = pcall(f, k)
             s = s + (b or 0) + (ok and a or 50)
             for i, c in function(_, i) i = (i or 0) + 1 if i < 3 then return i end end, nil, nil, closer(k) do if i == k % 4 then break end end
             end
             return s, order",
        )
    }
}
