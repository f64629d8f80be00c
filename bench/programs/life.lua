-- group: arrays
-- Conway's game of life on a torus.
local function new(w, h)
  local g = {}
  for y = 1, h do
    local row = {}
    for x = 1, w do row[x] = 0 end
    g[y] = row
  end
  return g
end

local function step(g, w, h)
  local n = {}
  for y = 1, h do
    local above, row, below = g[(y - 2) % h + 1], g[y], g[y % h + 1]
    local out = {}
    for x = 1, w do
      local l, r = (x - 2) % w + 1, x % w + 1
      local sum = above[l] + above[x] + above[r] + row[l] + row[r] + below[l] + below[x] + below[r]
      if sum == 3 or (sum == 2 and row[x] == 1) then out[x] = 1 else out[x] = 0 end
    end
    n[y] = out
  end
  return n
end

local w, h = 120, 100
local g = new(w, h)
local seed = 5
for y = 1, h do
  for x = 1, w do
    seed = (seed * 16807) % 2147483647
    g[y][x] = seed % 3 == 0 and 1 or 0
  end
end
for _ = 1, 1500 do g = step(g, w, h) end
local alive = 0
for y = 1, h do
  for x = 1, w do alive = alive + g[y][x] end
end
print(alive)
