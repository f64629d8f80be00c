-- Strings joined in a loop.
local function join(n)
  local s = ""
  for i = 1, n do s = s .. i .. "," end
  return #s
end

for _ = 1, 12 do join(20) end
