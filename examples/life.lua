-- Conway's game of life: a glider gun for some generations.
-- usage: life.lua [generations]
local pattern = [[
........................O...........
......................O.O...........
............OO......OO............OO
...........O...O....OO............OO
OO........O.....O...OO..............
OO........O...O.OO....O.O...........
..........O.....O.......O...........
...........O...O....................
............OO......................
]]

local World = {}
World.__index = World

function World.new(width, height)
  local self = setmetatable({ width = width, height = height, cells = {} }, World)
  for i = 1, width * height do self.cells[i] = false end
  return self
end

function World:put(text, x0, y0)
  local y = y0
  for line in text:gmatch "[^\n]+" do
    for x = 1, #line do
      self.cells[y * self.width + x0 + x] = line:sub(x, x) == "O"
    end
    y = y + 1
  end
end

function World:step()
  local w, h, old, new = self.width, self.height, self.cells, {}
  for y = 0, h - 1 do
    local above, below = (y - 1) % h * w, (y + 1) % h * w
    for x = 0, w - 1 do
      local n = 0
      local l, r = (x - 1) % w, (x + 1) % w
      if old[above + l + 1] then n = n + 1 end
      if old[above + x + 1] then n = n + 1 end
      if old[above + r + 1] then n = n + 1 end
      if old[y * w + l + 1] then n = n + 1 end
      if old[y * w + r + 1] then n = n + 1 end
      if old[below + l + 1] then n = n + 1 end
      if old[below + x + 1] then n = n + 1 end
      if old[below + r + 1] then n = n + 1 end
      new[y * w + x + 1] = n == 3 or (n == 2 and old[y * w + x + 1])
    end
  end
  self.cells = new
end

function World:__tostring()
  local lines = {}
  for y = 0, self.height - 1 do
    local line = {}
    for x = 1, self.width do line[x] = self.cells[y * self.width + x] and "O" or "." end
    lines[#lines + 1] = table.concat(line)
  end
  return table.concat(lines, "\n")
end

local world = World.new(64, 32)
world:put(pattern, 2, 2)
for _ = 1, tonumber(arg and arg[1]) or 200 do world:step() end
print(world)
