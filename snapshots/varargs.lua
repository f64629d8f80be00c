-- Varargs: counted, selected, passed on.
local function sum(...)
  local s = 0
  for i = 1, select("#", ...) do s = s + (select(i, ...)) end
  return s
end

local function pass(...)
  return sum(...)
end

return function() pass(1, 2, 3) end
