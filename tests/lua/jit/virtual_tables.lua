-- what: tables that compiled code does without come into being, whole and once, where it is left
-- jit: compiled>=1
local V = {} V.__index = V
V.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, V) end
V.__tostring = function(v) return "(" .. v.x .. ", " .. v.y .. ")" end
local function new(x, y) return setmetatable({ x = x, y = y }, V) end
function V:dot(o) return self.x * o.x + self.y * o.y end
-- Left in the middle: types change while temporaries exist.
local function f(a, b, k) local c = a + b local d = c + new(k, k) return d:dot(c) end
for i = 1, 200 do f(new(1, 2), new(i, i), 0.5) end
print(f(new(1, 2), new(3, 4), 0.5), f(new(1, 2), new(3, 4), 1), f(new(1.5, 2), new(3, 4), 1 << 53))
print(pcall(f, new(1, 2), new(3, 4), {}))
-- The table is one in all places that refer to it, and it lives on afterwards.
local kept
local function g(i, stop)
  local t = { n = i, list = { i, i + 1 } }
  local u, list = t, t.list
  local s = t.n + list[2]
  if stop then
    u.n = "changed" list[1] = "new"
    kept = { t, u, list }
    return t.n, t.list[1], t == u, u.list == list, #list
  end
  return s
end
for i = 1, 200 do g(i) end
print(g(5, true)) print(kept[1] == kept[2], kept[1].n, kept[1].list[1], kept[1].list[2], kept[1].list == kept[3])
-- Tables in tables, three deep, with nil, booleans, floats and strings.
local function deep(i, stop)
  local a = { 1.5, i, nil, "s" }
  local b = { inner = a, flag = i % 2 == 0, none = nil }
  local c = { b, b, i / 2 }
  if stop then collectgarbage() return c[1].inner[1], c[2].inner[2], c[1].inner[3], c[2].inner[4], c[1].flag, c[1].none, c[3], c[1] == c[2], #a end
  return c[1].inner[1] + c[2].inner[2]
end
local s = 0 for i = 1, 200 do s = s + deep(i) end print(s) print(deep(7, true)) print(deep(1 << 60, true))
-- One made before a loop, one in it; the loop is left by an error, an exit and its end.
local function sum(n, bad)
  local acc, p, r = { total = 0 }, { x = 1, y = 2 }, 0
  for i = 1, n do
    local q = { x = p.x + i, y = p.y }
    r = r + q.x * q.y
    if i == bad then q.z = r error(q) end
  end
  acc.total = r
  return acc
end
for i = 1, 100 do sum(10) end
print(sum(1000).total) local ok, e = pcall(sum, 1000, 990) print(ok, e.x, e.y, e.z)
-- A field differs by the way that was taken.
local function either(c, x) local t = { v = x } if c then t.v = x + 1 else t.w = x end return t.v + (t.w or 0) end
s = 0 for i = 1, 300 do s = s + either(i % 3 == 0, i) end print(s)
-- Methods that store into a new object; the metatable is there after leaving.
local P = {} P.__index = P
function P.new(a) local self = setmetatable({}, P) self.a = a self.b = a * 2 return self end
function P:get() return self.a + self.b end
local function h(i) local p = P.new(i) return p:get() end
for i = 1, 300 do h(i) end
P.get = function(self) return getmetatable(self) == P and tostring(self.a) .. "|" .. tostring(self.b) end
print(h(4), h(2.5), h(1 << 62))
-- Garbage that nobody makes any more still ends a loop that waits for a collection.
local weak = setmetatable({ {} }, { __mode = "v" }) local n = 0
repeat local t = { n, { n } } n = n + #t - 1 until not weak[1] print(n > 0)
-- Shapes that appear later.
local function late(o) local t = { k = o.k } if t.k == nil then t.other = true end return t.k, t.other end
for i = 1, 200 do late({ k = i }) end print(late({})) print(late({ k = 3, z = 1 })) print(late(setmetatable({}, { __index = { k = "up" } })))
-- Varargs and several results out of temporaries.
local function pair(...) local t = { ... } local u = { t[1], t[2], n = select("#", ...) } return u[1], u[2], u.n end
for i = 1, 200 do pair(i, -i) end print(pair(1, 2)) print(pair("a", nil, "c")) print((pair()))
