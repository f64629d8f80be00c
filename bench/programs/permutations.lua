-- group: arrays
-- All permutations, by recursive swaps, with a callback.
local function permute(a, n, visit)
  if n == 0 then
    visit(a)
    return
  end
  for i = 1, n do
    a[i], a[n] = a[n], a[i]
    permute(a, n - 1, visit)
    a[i], a[n] = a[n], a[i]
  end
end

local list = {}
for i = 1, 10 do list[i] = i end
local count, sum = 0, 0
permute(list, 10, function(a)
  count = count + 1
  sum = (sum * 3 + a[1] * 10 + a[10]) % 1000003
end)
print(count, sum)
