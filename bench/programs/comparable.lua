-- group: oop
-- no-luajit
-- Objects with __eq, __lt, __le, __call, __concat and __len; sorting them.
local Version = {}
Version.__index = Version
local function version(major, minor) return setmetatable({ major = major, minor = minor }, Version) end
Version.__eq = function(a, b) return a.major == b.major and a.minor == b.minor end
Version.__lt = function(a, b)
  if a.major ~= b.major then return a.major < b.major end
  return a.minor < b.minor
end
Version.__le = function(a, b) return not (b < a) end
Version.__call = function(self, n) return self.major * n + self.minor end
Version.__len = function(self) return self.major end
Version.__concat = function(a, b) return (type(a) == "table" and a.minor or a) + (type(b) == "table" and b.minor or b) end

local a, b, c = version(1, 4), version(2, 0), version(1, 4)
local count, sum = 0, 0
for i = 1, 3000000 do
  if a == c then count = count + 1 end
  if a < b then count = count + 1 end
  if b <= a then count = count - 1 end
  if a ~= b then count = count + 1 end
  sum = sum + a(i % 10) + #b + (a .. 1) + (2 .. b)
end

local seed = 42
local function random(n) seed = (seed * 16807) % 2147483647; return seed % n end
local list = {}
for i = 1, 60000 do list[i] = version(random(50), random(1000)) end
table.sort(list)
for i = 1, #list do sum = (sum * 31 + list[i].major * 1000 + list[i].minor) % 1000003 end
print(count, sum)
