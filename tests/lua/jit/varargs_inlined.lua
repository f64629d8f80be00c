-- what: vararg functions are inlined; exits in them write their frames with all varargs
-- jit: compiled>=6
local select, unpack = select, table.unpack
local function count(...) return select("#", ...) end
local function sum(...)
  local s = 0
  for i = 1, select("#", ...) do s = s + (select(i, ...)) end
  return s
end
local function forward(f, ...) return f(...) end
local function pack(...) return { n = select("#", ...), ... } end
local function rotate(a, ...)
  if a == nil then return end
  return ..., a
end
local function tail(a, ...) return select(2, a, ...) end
local function second(...) local _, b = ... return b end
local function max(a, ...)
  for _, v in ipairs({ ... }) do
    if v > a then a = v end
  end
  return a
end

print("== results")
local t = 0
for i = 1, 300 do
  local p = pack(i, nil, i + 1)
  t = t + sum(i, 1, 2) + forward(sum, i, i, i) + p.n + p[1] + p[3] + count(nil, nil) + max(3, i, 7) + second(1, i)
  t = t + sum(rotate(1, i, 2)) + count(rotate(nil, 1)) + count() + sum() + count(tail(1, 2, 3)) + forward(count)
end
print(t, count(tail(1)), second(1), count(rotate(5)))

print("== exits with varargs")
-- The types of arguments change late: the interpreter goes on in the middle of an inlined vararg function.
local function add(...)
  local s = 0
  for i = 1, select("#", ...) do s = s + (select(i, ...)) end
  return s, select("#", ...), (...)
end
local last
for i = 1, 300 do
  local x = i
  if i % 100 == 99 then x = i + 0.5 elseif i == 250 then x = "7" elseif i == 251 then x = 1 << 60 end
  local s, n, first = add(i, x, 3, x)
  if i % 50 == 0 or i == 99 or i == 251 then print(s, n, first) end
  last = s
end
print(last)

print("== errors in them")
local function bad(...)
  local a, b = ...
  return a + b, select("#", ...)
end
for i = 1, 300 do
  local y = i
  if i == 290 then y = {} end
  local ok, e = pcall(function() return (bad(i, y, 3)) end)
  if not ok then print(e) end
end
local function traced(...) return forward(function(...) return debug.traceback("t", 1):gsub("\n.*varargs_inlined.lua:", "\n"):match("^t\nstack") , ... end, ...) end
for i = 1, 200 do
  local a, b, c = traced(i, nil)
  if i == 200 then print(a, b, c) end
end

print("== select")
local function pick(n, ...) return (select(n, ...)) end
local r = 0
for i = 1, 300 do
  r = r + pick(i % 3 + 1, 10, 20, 30)
  if i > 290 then r = r + (pick(4, 10, 20, 30) or 1) + pick(-1, 10, 20, 30) + pick(-3, 10, 20, 30) end
end
print(r, pcall(pick, 0, 1), pcall(pick, -3, 1), pcall(pick, {}, 1), pcall(select))
local function from(n, ...) return select(n, ...) end
for i = 1, 200 do
  local a, b, c = from(i % 3 + 1, i, i + 1, nil)
  if i > 197 then print(a, b, c, select("#", from(i % 3 + 1, i, i + 1, nil))) end
end
print(select("#", from("#", 1, 2)), from("#", 1, 2), select("#abc", 1, 2))
local many = {}
for i = 1, 400 do many[i] = i end
for i = 1, 20 do
  local a = count(unpack(many)) + sum(unpack(many, 1, i * 20)) + pick(300, unpack(many)) + select("#", rotate(unpack(many)))
  if i == 20 then print(a) end
end

print("== nested, recursive, as methods")
local function down(n, ...)
  if n == 0 then return select("#", ...), ... end
  return down(n - 1, n, ...)
end
local acc = 0
for i = 1, 100 do
  local n, a, b = down(i % 5 + 1, i)
  acc = acc + n + a + (b or 0)
end
print(acc)
local Log = {} Log.__index = Log
function Log:write(...)
  for i = 1, select("#", ...) do self.n = self.n + #tostring((select(i, ...))) end
  return self
end
local log = setmetatable({ n = 0 }, Log)
for i = 1, 200 do log:write(i, "x", nil):write() end
print(log.n)
local function compose(...)
  local fs = { ... }
  return function(x)
    for i = #fs, 1, -1 do x = fs[i](x) end
    return x
  end
end
local c
for i = 1, 200 do c = compose(function(x) return x + i end, function(x) return x * 2 end)(i) end
print(c)
-- A collection while only the frame of an inlined function knows the varargs.
local function churn(...)
  local junk
  for i = 1, 30 do junk = { {}, i } end
  return select("#", ...), (...)
end
local kept
for i = 1, 300 do
  local n, v = churn({ i }, "s" .. i)
  kept = v
  if i % 100 == 0 then print(n, v[1]) end
end
print(kept[1])
