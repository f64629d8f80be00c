-- group: oop
-- A ray tracer whose vectors use arithmetic metamethods.
local vec
local mt = {
  __add = function(a, b) return vec(a[1] + b[1], a[2] + b[2], a[3] + b[3]) end,
  __sub = function(a, b) return vec(a[1] - b[1], a[2] - b[2], a[3] - b[3]) end,
  __mul = function(a, k) return vec(a[1] * k, a[2] * k, a[3] * k) end,
  __unm = function(a) return vec(-a[1], -a[2], -a[3]) end,
}
function vec(x, y, z) return setmetatable({ x, y, z }, mt) end
local function dot(a, b) return a[1] * b[1] + a[2] * b[2] + a[3] * b[3] end
local function unit(a) return a * (1 / math.sqrt(dot(a, a))) end

local spheres = {}
for i = 1, 7 do
  spheres[i] = { center = vec(math.sin(i) * 2, math.cos(i * 2), 4 + i % 4), radius2 = 0.3 + i % 3 / 5, color = i / 8 }
end
local light = unit(vec(1, 2, -1.5))

local function intersect(origin, dir)
  local nearest, found = math.huge, nil
  for _, s in ipairs(spheres) do
    local oc = origin - s.center
    local b = dot(oc, dir)
    local d = b * b - dot(oc, oc) + s.radius2
    if d > 0 then
      local t = -b - math.sqrt(d)
      if t > 1e-3 and t < nearest then nearest, found = t, s end
    end
  end
  return found, nearest
end

local function shade(origin, dir, depth)
  local s, t = intersect(origin, dir)
  if not s then return 0.1 end
  local p = origin + dir * t
  local n = unit(p - s.center)
  local diffuse = dot(n, light)
  if diffuse < 0 or intersect(p, light) then diffuse = 0 end
  local color = s.color * (0.15 + diffuse)
  if depth > 0 then
    color = color * 0.8 + 0.2 * shade(p, dir - n * (2 * dot(n, dir)), depth - 1)
  end
  return color
end

local size, sum = 600, 0
local eye = vec(0, 0, -2)
for y = 1, size do
  for x = 1, size do
    sum = sum + shade(eye, unit(vec(x / size - 0.5, 0.5 - y / size, 1)), 2)
  end
end
print(string.format("%.6f", sum))
