-- Arithmetic: integers, floats, both, bits.
local function integers(a, b)
  return (a + b) * 3 - a // b + a % b
end

local function floats(x, y)
  return x * y - x / y + x ^ 2 - -y
end

local function mixed(i, x)
  return i * x + 1
end

local function bits(a, b)
  return (a & b | a ~ 5) << 3 >> 1 ~ ~b
end

for i = 1, 12 do
  integers(i, i + 1)
  floats(i + 0.5, 2.5)
  mixed(i, 0.25)
  bits(i, 3)
end
