-- Comparisons: numbers, constants, strings, identities, truth.
local function larger(a, b)
  if a < b then return b end
  return a
end

local function sign(x)
  if x > 0 then return 1 elseif x == 0 then return 0 else return -1 end
end

local function before(s, t)
  return s < t
end

local function same(a, b)
  return a == b
end

local function choose(a, b)
  return a and b or not a
end

local i = 0

return function()
  i = (i + 1) % 12
  larger(i, 6)
  sign(i - 6)
  before("a", "b")
  same(larger, sign)
  choose(i > 3, i)
end
