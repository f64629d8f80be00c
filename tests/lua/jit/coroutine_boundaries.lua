-- what: compiled code yields across pcall, metamethods and iterators, and must not across other natives
-- jit: coroutines>=5
local yield, resume, wrap, create = coroutine.yield, coroutine.resume, coroutine.wrap, coroutine.create
local function drive(f, ...) local co, out, n = create(f), {}, 0 local r = table.pack(resume(co, ...)) while coroutine.status(co) == "suspended" do n = n + 1 out[#out + 1] = tostring(r[2]) r = table.pack(resume(co, n)) end return n, table.concat(out, ",", math.max(1, #out - 5)), table.unpack(r, 1, r.n) end
print(drive(function() local s = 0 for i = 1, 300 do local ok, v = pcall(yield, i) s = s + v assert(ok) end return s end))
print(drive(function() local s, bad = 0, 0 for i = 1, 300 do local ok, v = pcall(function() local v = yield(i) if i % 3 == 0 then error("three") end return v end) if ok then s = s + v else bad = bad + 1 assert(v:find "three") end end return s, bad end))
print(drive(function() local s = 0 for i = 1, 200 do local ok, v = xpcall(function(a) local v = yield(a) if v % 5 == 0 then error({ v }) end return v end, function(e) return e[1] * 1000 end, i) s = s + v end return s end))
local V = {} V.__index = function(t, k) return yield(k) end V.__newindex = function(t, k, v) rawset(t, "n", (rawget(t, "n") or 0) + yield(v)) end
V.__add = function(a, b) return yield("add") end V.__concat = function(a, b) return yield("cat") end V.__eq = function() return yield("eq") % 2 == 0 end V.__lt = function() return yield("lt") % 2 == 0 end V.__le = function() return yield("le") % 2 == 1 end
V.__len = function() return yield("len") end V.__unm = function() return yield("unm") end V.__call = function(self, a) return yield(a) end V.__close = function() yield("close") end
local function obj() return setmetatable({}, V) end
print(drive(function() local s = 0 for i = 1, 200 do local o = obj() s = s + o.foo + o[i] end return s end))
print(drive(function() local o, s = obj(), 0 for i = 1, 200 do o.x = i o[i] = i end return rawget(o, "n") end))
print(drive(function() local a, b, s = obj(), obj(), 0 for i = 1, 200 do s = s + (a + b) + (a + 1) + (2 + b) end return s end))
print(drive(function() local a, b, s = obj(), obj(), 0 for i = 1, 200 do s = s + (a .. b) s = s + ("x" .. a) if a .. "y" .. b == 5 then s = s + 1 end end return s end))
print(drive(function() local a, b, s = obj(), obj(), 0 for i = 1, 200 do if a == b then s = s + 1 end if a < b then s = s + 10 end if a <= b then s = s + 100 end if a > b then s = s + 1000 end end return s end))
print(drive(function() local a, s = obj(), 0 for i = 1, 200 do s = s + #a + -a + a(i) end return s end))
print(drive(function() local s = 0 for i = 1, 100 do local o <close> = obj() s = s + i end return s end))
-- an iterator that yields, and a loop in it
local function iter(n, i) if i < n then return yield(i) and i + 1 end end
print(drive(function() local s = 0 for i in iter, 250, 0 do s = s + i end return s end))
print(drive(function() local s = 0 for k, v in pairs(setmetatable({}, { __pairs = function(t) yield("pairs") return next, { 1, 2, 3 } end })) do s = s + v end for i = 1, 300 do s = s + yield(i) end return s end))
-- natives that cannot be crossed
local function refused(f) local r for i = 1, 200 do local ok, m = pcall(f) r = tostring(ok) .. " " .. tostring(m) end return r end
print(drive(function() return refused(function() table.sort({ 3, 1, 2 }, function(a, b) yield(a) return a < b end) end) end))
print(drive(function() return refused(function() return (("abc"):gsub("%w", function(c) return yield(c) end)) end) end))
print(drive(function() return refused(function() return table.concat(setmetatable({}, { __index = function(_, i) return yield(i) end, __len = function() return 3 end })) end) end))
print(drive(function() return refused(function() return tostring(setmetatable({}, { __tostring = function() return yield("s") end })) end) end))
print(drive(function() return refused(function() return load(function() return yield("chunk") end) end) end))
print(pcall(yield, 1))
print(select(2, pcall(wrap(function() for i = 1, 300 do yield(i) end error("late") end))))
-- natives that call back, inside a coroutine, and yields after them
print(drive(function() local s = 0 for i = 1, 200 do local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) s = s + t[1] * yield(i) s = s + #(("x"):rep(3):gsub("x", function() return "yy" end)) end return s end))
-- a yield in a finalizer or in a message handler is refused
print(drive(function() local last for i = 1, 100 do last = table.pack(xpcall(function() local x = nil + 1 end, function(m) return pcall(yield, m) end)) end return table.unpack(last) end))
-- coroutines in coroutines
print(drive(function() local s = 0 for i = 1, 100 do local inner = wrap(function(a) for j = 1, 3 do a = a + yield(a) end return a end) s = s + inner(i) + inner(1) + yield(s % 7) + inner(2) + inner(3) end return s end))
local function nest(n) if n == 0 then for i = 1, 50 do yield(i) end return "bottom" end local co, v = wrap(function() return nest(n - 1) end) for i = 1, 50 do v = co() yield(v + 1) end return co() end
print(drive(nest, 10))
-- "C stack overflow" in nested resumes
local function deeper(n) local ok, m = resume(create(deeper), n + 1) if not ok then return tostring(m):gsub("^.-:%d+: ", ""), n end return m, n end
for i = 1, 3 do local m = deeper(1) print(m) end
