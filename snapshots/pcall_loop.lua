-- Protected calls in a loop, some of which fail.
local function check(i)
  if i % 4 == 0 then error("fourth") end
  return i
end

local function try(n)
  local failed = 0
  for i = 1, n do
    if not pcall(check, i) then failed = failed + 1 end
  end
  return failed
end

return function() try(20) end
