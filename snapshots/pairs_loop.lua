-- Traversal of a table with pairs.
local function total(t)
  local sum = 0
  for _, v in pairs(t) do sum = sum + v end
  return sum
end

local t = { a = 1, b = 2, c = 3, 4, 5, 6 }

return function() total(t) end
