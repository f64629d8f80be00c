-- Loops: numeric over integers, floats and downwards; generic over ipairs.
local function integers(n)
  local sum = 0
  for i = 1, n do sum = sum + i end
  return sum
end

local function floats(n)
  local sum = 0.0
  for x = 0.0, n, 0.5 do sum = sum + x end
  return sum
end

local function down(t)
  for i = #t, 1, -1 do t[i] = i end
end

local function list(t)
  local sum = 0
  for i, x in ipairs(t) do sum = sum + i * x end
  return sum
end

local t = { 1, 2, 3, 4 }

return function()
  integers(20)
  floats(10)
  down(t)
  list(t)
end
