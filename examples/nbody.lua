-- The orbits of the giant planets, step by step: prints the energy of the system before and after.
-- usage: nbody.lua [steps]
local sqrt = math.sqrt
local SOLAR_MASS = 4 * math.pi ^ 2
local DAYS_PER_YEAR = 365.24

local Body = {}
Body.__index = Body

function Body.new(name, x, y, z, vx, vy, vz, mass)
  return setmetatable({
    name = name,
    x = x, y = y, z = z,
    vx = vx * DAYS_PER_YEAR, vy = vy * DAYS_PER_YEAR, vz = vz * DAYS_PER_YEAR,
    mass = mass * SOLAR_MASS,
  }, Body)
end

function Body:kinetic_energy()
  return 0.5 * self.mass * (self.vx ^ 2 + self.vy ^ 2 + self.vz ^ 2)
end

function Body:distance(other)
  local dx, dy, dz = self.x - other.x, self.y - other.y, self.z - other.z
  return sqrt(dx * dx + dy * dy + dz * dz)
end

local System = {}
System.__index = System

function System.new(...)
  local self = setmetatable({ ... }, System)
  local px, py, pz = 0, 0, 0
  for _, body in ipairs(self) do
    px, py, pz = px + body.vx * body.mass, py + body.vy * body.mass, pz + body.vz * body.mass
  end
  local sun = self[1]
  sun.vx, sun.vy, sun.vz = -px / SOLAR_MASS, -py / SOLAR_MASS, -pz / SOLAR_MASS
  return self
end

function System:energy()
  local e = 0
  for i, body in ipairs(self) do
    e = e + body:kinetic_energy()
    for j = i + 1, #self do
      e = e - body.mass * self[j].mass / body:distance(self[j])
    end
  end
  return e
end

function System:advance(dt)
  local n = #self
  for i = 1, n do
    local a = self[i]
    for j = i + 1, n do
      local b = self[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = dt / (d2 * sqrt(d2))
      a.vx, a.vy, a.vz = a.vx - dx * b.mass * mag, a.vy - dy * b.mass * mag, a.vz - dz * b.mass * mag
      b.vx, b.vy, b.vz = b.vx + dx * a.mass * mag, b.vy + dy * a.mass * mag, b.vz + dz * a.mass * mag
    end
  end
  for i = 1, n do
    local a = self[i]
    a.x, a.y, a.z = a.x + dt * a.vx, a.y + dt * a.vy, a.z + dt * a.vz
  end
end

local system = System.new(
  Body.new("Sun", 0, 0, 0, 0, 0, 0, 1),
  Body.new("Jupiter", 4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
    1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05, 9.54791938424326609e-04),
  Body.new("Saturn", 8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
    -2.76742510726411899e-03, 4.99852801234917238e-03, 2.30417297573763929e-05, 2.85885980666130812e-04),
  Body.new("Uranus", 1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
    2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05, 4.36624404335156298e-05),
  Body.new("Neptune", 1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
    2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05, 5.15138902046611451e-05)
)

local steps = tonumber(arg and arg[1]) or 10000000
local started = os.clock()
print(("energy before: %.9f"):format(system:energy()))
for _ = 1, steps do system:advance(0.01) end
print(("energy after:  %.9f"):format(system:energy()))
io.stderr:write(("%d steps in %.2f s\n"):format(steps, os.clock() - started))
