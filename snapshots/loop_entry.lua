-- A loop that gets hot while it runs is entered in the middle. (with loop entries)
local function spin(n)
  local sum = 0
  for i = 1, n do sum = sum + i end
  return sum
end

return function() spin(20) end
