-- what: next called by name in compiled code: ends, absent keys, removal on the way, other results counts
-- jit: compiled>=1 errors=0
local function count(t)
  local n, sum = 0, 0
  local k, v = next(t)
  while k ~= nil do
    n, sum = n + 1, sum + v
    if v % 7 == 0 then t[k] = nil end
    k, v = next(t, k)
  end
  return n, sum
end
local function fill(t, n) for i = 1, n do t[i] = i t["k" .. i] = i t[i + 0.5] = i end return t end
for i = 1, 60 do fill({}, 20) end
local t = fill({}, 100)
print(count(t)) print(count(t))
for i = 1, 100 do count(fill({}, 10)) end
print(count({})) print(count({ 1, nil, 3 })) print(count(fill({}, 50)))
local function empty(t) return next(t) == nil end
for i = 1, 200 do empty({}) empty(t) end
print(empty({}), empty({ 1 }), empty({ a = 1 }), empty({ nil, nil, 2 }))
local function first(t, k) local a, b, c = next(t, k) return a, b, c end
for i = 1, 200 do first({ 5 }) end
print(first({ 5 })) print(first({ 5 }, 1)) print(first({}))
print(pcall(first, { 5 }, 99)) print(pcall(first, { 5 }, "no")) print(pcall(first, nil)) print(pcall(first, 3, 1))
local function all(t) return next(t) end
for i = 1, 200 do all({}) end
print(select("#", all({})), select("#", all({ 1 })), select("#", next({})), (next({})))
local keep = {}
for i = 1, 300 do local k, v = next({ [i] = { i } }) keep[#keep + 1] = v end
collectgarbage()
print(keep[1][1], keep[300][1], #keep)
