-- Jumps: while, repeat, break, goto.
local function halve(n)
  local steps = 0
  while n > 1 do
    n = n // 2
    steps = steps + 1
  end
  return steps
end

local function find(t, x)
  local i = 0
  repeat
    i = i + 1
    if t[i] == nil then return nil end
  until t[i] == x
  return i
end

local function odd(n)
  local sum = 0
  for i = 1, n do
    if i % 2 == 0 then goto continue end
    sum = sum + i
    ::continue::
  end
  return sum
end

local t = { 4, 5, 6 }

return function()
  halve(9)
  find(t, 6)
  odd(4)
end
