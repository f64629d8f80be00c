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

return function()
  integers(7, 2)
  floats(0.75, 2.5)
  mixed(7, 0.25)
  bits(7, 3)
end
