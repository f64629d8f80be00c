-- group: calls
-- Ackermann's function, deep recursion.
local function ack(m, n)
  if m == 0 then return n + 1 end
  if n == 0 then return ack(m - 1, 1) end
  return ack(m - 1, ack(m, n - 1))
end

local total = 0
for i = 1, 40 do
  total = total + ack(2, 900 + i)
end
for _ = 1, 20 do
  total = total + ack(3, 7)
end
print(total)
