-- what: while and repeat loops with nested conditions
-- jit: compiled>=1 osr>=1
local n, steps, longest = 1, 0, 0
while n <= 3000 do
  local m, c = n, 0
  while m ~= 1 do if m % 2 == 0 then m = m // 2 else m = 3 * m + 1 end c = c + 1 end
  if c > longest then longest = c end
  steps = steps + c n = n + 1
end
print(steps, longest)
local i, s = 0, 0
repeat i = i + 1 if i % 3 == 0 then goto cont end s = s + i ::cont:: until i >= 50000
print(i, s)
