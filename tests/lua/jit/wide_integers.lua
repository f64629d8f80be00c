-- what: integers beyond 48 bits stay unboxed in loops, come back whole from exits, and are boxed where they are stored
-- jit: compiled>=3 exits<=12
local function lcg(x, n)
  for _ = 1, n do x = x * 6364136223846793005 + 1442695040888963407 end
  return x
end
local function xorshift(x, n)
  for _ = 1, n do
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
  end
  return x
end
print(lcg(1, 20000), xorshift(88172645463325252, 20000))
-- The same loops with values that fit, and with others.
print(lcg(0, 3), lcg(-1, 5000), xorshift(1, 5000), xorshift(0, 5000))
print(pcall(lcg, 1.5, 2), pcall(xorshift, "7", 10))
-- Wide in some passes only, and kept in a table on the way.
local function mixed(n)
  local kept, x, sum = {}, 1, 0
  for i = 1, n do
    x = i % 16 == 0 and 1 or x * 1099511627
    if i % 1000 == 0 then kept[#kept + 1] = x end
    sum = sum ~ x
  end
  return sum, #kept, kept[1], kept[#kept]
end
print(mixed(20000))
-- A while loop, whose wide value is what ends it.
local function digits(x, base)
  local n = 0
  while x > 0 do x, n = x // base, n + 1 end
  return n
end
local total = 0
for i = 1, 2000 do total = total + digits(math.maxinteger - i, 10) end
print(total, digits(math.maxinteger, 2), digits(1 << 47, 2), digits((1 << 47) - 1, 2))
-- A loop variable that becomes a float late.
local function late(n)
  local x = math.maxinteger
  for i = 1, n do
    if i == n then x = x + 0.5 else x = x - i end
  end
  return x
end
print(late(5000), late(3))
