-- group: numeric
-- The sieve of Eratosthenes, repeated.
local function sieve(limit)
  local composite = {}
  for i = 1, limit do composite[i] = false end
  local count = 0
  for i = 2, limit do
    if not composite[i] then
      count = count + 1
      for j = i * i, limit, i do composite[j] = true end
    end
  end
  return count
end

local total = 0
for i = 1, 24 do total = total + sieve(1000000 + i) end
print(total)
