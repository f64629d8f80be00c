-- what: field reads and writes by shape, with shapes that change
-- jit: compiled>=1
local function norm(p) return p.x * p.x + p.y * p.y end
local function run(p, n) local s = 0 for i = 1, n do s = s + norm(p) end return s end
print(run({ x = 1, y = 2 }, 100), run({ y = 2, x = 1 }, 100), run({ x = 1, y = 2, z = 3 }, 100), run({ a = 0, x = 1, y = 2 }, 100), run({ b = 0, c = 0, x = 1.5, y = 2 }, 100), run(setmetatable({ x = 1 }, { __index = { y = 2 } }), 100), run(setmetatable({}, { __index = function(_, k) return k == "x" and 1 or 2 end }), 100))
print(pcall(run, { x = 1 }, 10)) print(pcall(run, "str", 10)) print(pcall(run, nil, 10))
local o = { n = 0 } for i = 1, 1000 do o.n = o.n + 1 if i == 500 then o.extra = true end if i == 700 then o.n = o.n + 0.5 end if i == 800 then o.extra = nil end end print(o.n, o.extra)
local function setf(o, v) o.f = v end local objs = {} for i = 1, 50 do objs[i] = i % 3 == 0 and {} or i % 3 == 1 and { f = 0 } or { g = 1 } end for r = 1, 10 do for i = 1, 50 do setf(objs[i], r + i) end end local s = 0 for i = 1, 50 do s = s + objs[i].f end print(s)
local mega = {} for i = 1, 20 do mega[i] = { ["k" .. i] = i, v = i } end local s = 0 for r = 1, 100 do for i = 1, 20 do s = s + mega[i].v mega[i].v = mega[i].v + 1 end end print(s)
local many = {} for i = 1, 300 do many["f" .. i] = i end local s = 0 for r = 1, 20 do for i = 1, 300 do s = s + many["f" .. i] end end print(s, many.f300)
local d = {} for i = 1, 500 do d["t" .. i % 7] = i if i % 5 == 0 then d["t" .. i % 7] = nil end d.fixed = (d.fixed or 0) + 1 end print(d.fixed)
