-- group: coroutine
-- Generators: a tree walk, filters chained over a range, and permutations, by wrapped coroutines.
local function range(n)
  return coroutine.wrap(function()
    for i = 1, n do coroutine.yield(i) end
  end)
end
local function filter(f, source)
  return coroutine.wrap(function()
    for v in source do
      if f(v) then coroutine.yield(v) end
    end
  end)
end
local function map(f, source)
  return coroutine.wrap(function()
    for v in source do coroutine.yield(f(v)) end
  end)
end

local sum = 0
for v in map(function(x) return x * 2 end, filter(function(x) return x % 3 ~= 0 end, range(3000000))) do
  sum = (sum + v) % 1000000007
end

local function tree(lo, hi)
  if lo > hi then return nil end
  local mid = math.floor((lo + hi) / 2)
  return { key = mid, left = tree(lo, mid - 1), right = tree(mid + 1, hi) }
end
local function walk(t)
  if t then
    walk(t.left)
    coroutine.yield(t.key)
    walk(t.right)
  end
end
local root = tree(1, 30000)
for _ = 1, 40 do
  local last = 0
  for key in coroutine.wrap(function() walk(root) end) do
    assert(key == last + 1)
    last = key
  end
  sum = sum + last
end
print(sum)
