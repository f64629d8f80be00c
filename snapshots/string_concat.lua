-- Strings joined in a loop.
local function join(n)
  local s = ""
  for i = 1, n do s = s .. i .. "," end
  return #s
end

return function() join(20) end
