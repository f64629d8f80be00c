-- Fields of one shape, read and written in a loop.
local function move(p, n)
  for _ = 1, n do
    p.x = p.x + p.dx
    p.y = p.y + p.dy
  end
end

local p = { x = 0.0, y = 0.0, dx = 0.5, dy = 0.25 }

return function() move(p, 20) end
