-- group: arrays
-- table.sort of records with a comparison function, and of plain numbers and strings.
local seed = 7
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n
end

local records = {}
for i = 1, 150000 do
  records[i] = { id = i, key = random(1000), name = "n" .. random(100000) }
end
table.sort(records, function(a, b)
  if a.key ~= b.key then return a.key < b.key end
  return a.id < b.id
end)
local sum = 0
for i, r in ipairs(records) do sum = (sum * 31 + r.id * i) % 1000007 end

local numbers = {}
for i = 1, 500000 do numbers[i] = random(1000000) end
table.sort(numbers, function(a, b) return a > b end)
for i = 1, #numbers, 1000 do sum = (sum * 31 + numbers[i]) % 1000007 end

local names = {}
for i = 1, 100000 do names[i] = records[i].name end
table.sort(names)
print(sum, names[1], names[#names])
