-- The elements of an array, one test for all bounds.
local function sum(t)
  local s = 0
  for i = 1, #t do s = s + t[i] end
  return s
end

local t = {}
for i = 1, 20 do t[i] = i end

return function() sum(t) end
