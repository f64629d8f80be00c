-- what: table.insert and table.remove at the end, pairs, equality of objects, in compiled loops
-- jit: compiled>=4
local insert, remove = table.insert, table.remove
print("== stacks")
local function work(n)
  local stack, sum = {}, 0
  for i = 1, n do
    insert(stack, i)
    if i % 3 == 0 then insert(stack, { i }) end
    if i % 2 == 0 then
      local v = remove(stack)
      sum = sum + (type(v) == "table" and v[1] or v)
    end
  end
  while #stack > 0 do
    local v = remove(stack)
    sum = sum * 7 % 1000003 + (type(v) == "table" and v[1] or v)
  end
  return sum, #stack, remove(stack), remove(stack)
end
for i = 1, 30 do work(40) end
print(work(1000))
local zero = { [0] = "z" }
local function pop(t) return remove(t) end
for i = 1, 300 do pop { i } end
print(pop(zero), pop(zero), zero[0], pcall(pop, nil), pcall(pop))
local function push(t, v) insert(t, v) end
local list = {}
for i = 1, 300 do push(list, i) end
push(list, nil)
print(#list, select("#", push(list, 1)), #list, pcall(insert, list), pcall(insert, list, 1, 2, 3))
print(pcall(push, "x", 1))
local log = {}
local guarded = setmetatable({}, { __newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end, __len = function() return 10 end })
push(guarded, "a") push(guarded, "b")
print(guarded[11], guarded[12], table.concat(log, " "))
local source = setmetatable({}, { __index = function(_, k) return k * 2 end, __len = function() return 4 end })
print(pop(source), rawlen(source))
print("== pairs")
local function keys(t)
  local n, last = 0, nil
  for k, v in pairs(t) do n, last = n + 1, v end
  return n, last
end
for i = 1, 300 do keys { 1, 2, x = 3 } end
print(keys { 1, 2, 3 }, keys {}, keys { x = 1 })
print(keys(setmetatable({ 1, 2 }, {})), keys(setmetatable({}, { __pairs = function(t) return function(_, k) if not k then return 1, "p" end end, t, nil end })))
print(pcall(keys, nil), pcall(keys, 5))
for a, b in pairs { "only" } do print(a, b) end
print("== equality")
local Point = {}
Point.__index = Point
local function new(x) return setmetatable({ x = x }, Point) end
local points = {}
for i = 1, 10 do points[i] = new(i % 5) end
local function count()
  local same = 0
  for i = 1, #points do
    for j = 1, #points do
      if points[i] == points[j] then same = same + 1 end
      if points[i] ~= points[j] then same = same + 100 end
    end
  end
  return same
end
for i = 1, 20 do count() end
print(count())
Point.__eq = function(a, b) return a.x == b.x end
print(count())
Point.__eq = nil
print(count())
points[3] = setmetatable({}, { __eq = function() return true end })
print(count())
points[3] = "p"
points[4] = 1.5
print(count())
