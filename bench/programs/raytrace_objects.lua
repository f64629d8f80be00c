-- group: oop
-- A ray tracer with vector objects and methods.
local Vec = {}
Vec.__index = Vec
function Vec.new(x, y, z) return setmetatable({ x = x, y = y, z = z }, Vec) end
function Vec:add(o) return Vec.new(self.x + o.x, self.y + o.y, self.z + o.z) end
function Vec:sub(o) return Vec.new(self.x - o.x, self.y - o.y, self.z - o.z) end
function Vec:scale(k) return Vec.new(self.x * k, self.y * k, self.z * k) end
function Vec:dot(o) return self.x * o.x + self.y * o.y + self.z * o.z end
function Vec:length() return math.sqrt(self:dot(self)) end
function Vec:unit() return self:scale(1 / self:length()) end

local Sphere = {}
Sphere.__index = Sphere
function Sphere.new(center, radius, color, shine)
  return setmetatable({ center = center, radius = radius, color = color, shine = shine }, Sphere)
end
function Sphere:hit(origin, dir)
  local oc = origin:sub(self.center)
  local b = oc:dot(dir)
  local d = b * b - oc:dot(oc) + self.radius * self.radius
  if d < 0 then return nil end
  local t = -b - math.sqrt(d)
  if t > 0.001 then return t end
end
function Sphere:normal(p) return p:sub(self.center):unit() end

local Plane = {}
Plane.__index = Plane
function Plane.new(y, color) return setmetatable({ y = y, color = color, shine = 0 }, Plane) end
function Plane:hit(origin, dir)
  if dir.y >= 0 then return nil end
  return (self.y - origin.y) / dir.y
end
function Plane:normal(_) return Vec.new(0, 1, 0) end

local scene = { Plane.new(-1, 0.6) }
for i = 1, 5 do
  scene[#scene + 1] = Sphere.new(Vec.new(i - 3, (i % 2) * 0.7 - 0.3, 4 + i % 3), 0.6, 0.3 + i / 10, i % 2 * 0.4)
end
local light = Vec.new(-3, 5, -2)

local function closest(origin, dir)
  local best, object
  for i = 1, #scene do
    local t = scene[i]:hit(origin, dir)
    if t and (not best or t < best) then best, object = t, scene[i] end
  end
  return object, best
end

local function trace(origin, dir, depth)
  local object, t = closest(origin, dir)
  if not object then return 0.2 + 0.3 * math.max(dir.y, 0) end
  local p = origin:add(dir:scale(t))
  local n = object:normal(p)
  local to = light:sub(p):unit()
  local shade = math.max(n:dot(to), 0)
  if closest(p, to) then shade = shade * 0.3 end
  local color = object.color * (0.2 + shade)
  if depth > 0 and object.shine > 0 then
    local r = dir:sub(n:scale(2 * n:dot(dir)))
    color = color * (1 - object.shine) + object.shine * trace(p, r, depth - 1)
  end
  return color
end

local size = 460
local sum = 0
local eye = Vec.new(0, 0, -1)
for y = 1, size do
  for x = 1, size do
    local dir = Vec.new(x / size - 0.5, 0.5 - y / size, 1):unit()
    sum = sum + trace(eye, dir, 2)
  end
end
print(string.format("%.6f", sum))
