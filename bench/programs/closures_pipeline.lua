-- group: closures
-- Pipelines of small closures: map, filter, fold, compose, curry, memoise.
local function map(t, f)
  local r = {}
  for i = 1, #t do r[i] = f(t[i]) end
  return r
end
local function filter(t, f)
  local r = {}
  for i = 1, #t do
    if f(t[i]) then r[#r + 1] = t[i] end
  end
  return r
end
local function fold(t, f, acc)
  for i = 1, #t do acc = f(acc, t[i]) end
  return acc
end
local function compose(...)
  local fs = { ... }
  return function(x)
    for i = #fs, 1, -1 do x = fs[i](x) end
    return x
  end
end
local function curry(f) return function(a) return function(b) return f(a, b) end end end
local function counter()
  local n = 0
  return function() n = n + 1 return n end
end

local add = curry(function(a, b) return a + b end)
local mul = curry(function(a, b) return a * b end)
local list = {}
for i = 1, 200 do list[i] = i end

local total = 0
for round = 1, 30000 do
  local plus, times = add(round), mul(3)
  local f = compose(plus, times, add(1))
  local r = filter(map(list, f), function(x) return x % 2 == 0 end)
  total = (total + fold(r, function(a, b) return (a * 7 + b) % 65521 end, 0)) % 1000003
  local c = counter()
  for _ = 1, 50 do c() end
  total = total + c()
end
print(total)
