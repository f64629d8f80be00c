-- A closure that counts, called in a loop.
local function counter()
  local n = 0
  return function()
    n = n + 1
    return n
  end
end

local function count(times)
  local next = counter()
  local last
  for _ = 1, times do last = next() end
  return last
end

return function() count(20) end
