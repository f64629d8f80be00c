-- Constants and moves: LoadK, LoadInt, LoadNil, Move, upvalues.
local limit = 10

local function constants(pick)
  local a, b, c, d = nil, true, 3, "text"
  if pick == 1 then return a end
  if pick == 2 then return b end
  if pick == 3 then return c end
  if pick == 4 then return d end
  return 1e300
end

local function shared(n)
  limit = limit + n
  return limit
end

return function()
  for i = 1, 5 do constants(i) end
  shared(1)
end
