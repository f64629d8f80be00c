-- group: integer
-- no-luajit: integer division
-- Loops of integer division and modulo: gcd, digits, collatz, modular powers.
local function gcd(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end
local function digits(n)
  local s = 0
  while n > 0 do
    s = s + n % 10
    n = n // 10
  end
  return s
end
local function powmod(b, e, m)
  local r = 1
  b = b % m
  while e > 0 do
    if e % 2 == 1 then r = r * b % m end
    b = b * b % m
    e = e // 2
  end
  return r
end
local function collatz(n)
  local steps = 0
  while n ~= 1 do
    if n % 2 == 0 then n = n // 2 else n = 3 * n + 1 end
    steps = steps + 1
  end
  return steps
end

local g, d, p, c = 0, 0, 0, 0
for i = 1, 1400000 do g = g + gcd(i * 12, 360360) end
for i = 1, 2000000 do d = d + digits(i * 37) end
for i = 1, 400000 do p = (p + powmod(i, 65537, 1000003)) % 1000003 end
for i = 1, 300000 do c = c + collatz(i) end
print(g, d, p, c, -7 // 2, -7 % 3, 7 // -2)
