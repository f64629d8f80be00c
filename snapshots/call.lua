-- Calls: Lua functions, natives, several results, tail calls, results that are adjusted.
local function two(a, b)
  return b, a
end

local function adjust(a, b)
  local x, y, z = two(a, b)
  return x, y, z == nil
end

local function forward(a, b)
  return two(a, b)
end

local function absolute(x)
  return math.abs(x) + math.floor(x / 2)
end

local function opaque(f, x)
  return f(x) + 1
end

local function plus(x) return x + 1 end
local function minus(x) return x - 1 end
local i = 0

return function()
  i = i + 1
  adjust(i, i)
  forward(i, i)
  absolute(i)
  opaque(i % 2 == 0 and plus or minus, i)
end
