-- what: Integers beyond 48 bits as temporaries: what reads them may need them as values after all.
local big, k = 0x123456789abcdef, 0x7edcba987654321
local function hash(z)
  z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
  z = (z ~ (z >> 27)) * 0x94d049bb133111eb
  return z ~ (z >> 31)
end
print(hash(1), hash(-1), hash(big))
print(big * k + 1, big * k * 3 - k, (big * k) ~ (big * k), (big * k) * (k * k), big * k // 7 % 1000)
print(big * k + 1.5, big * k * 0.0, (big * k) / 2 > 0, -(big * k), ~(big * k) + 1)
print(big * k .. "", #(big * k .. "x"), big * k == big * k, big * k + big < big)
print(pcall(function() return big * k // 0 end))
print(pcall(function() return big * k % (big - big) end))
print(pcall(function() return big * k + {} end))
print(pcall(function() return big * k + "x" end))
print(big * k + "1", "2" * (big * k), (big * k) << 70, (big * k) >> -3, 1 << (big * k))

-- A local is none, though the next operator reads it.
local function locals(a, b)
  local x = a * b
  local y = x + 1
  x = y * a
  y = x - 1
  return x, y, function() return x end
end
local x, y, f = locals(big, k)
print(x, y, f())
local captured = big * k
local function get() return captured end
captured = captured * 3
captured = captured + 1
print(get())

-- Metamethods get the value.
local meta = setmetatable({}, { __add = function(a, b) return a == big * k or b == big * k end, __mul = function(a) return a end })
print(big * k + meta, meta + (big * k), big * k * meta)

-- A function that was dumped and stripped.
local g = load(string.dump(hash, true))
print(g(1) == hash(1), g(big) == hash(big))

-- Under a hook every instruction has its effect.
local lines, values = 0, {}
debug.sethook(function() lines = lines + 1 end, "l")
for i = 1, 3 do
  values[i] = big * k
    + i
end
debug.sethook()
print(lines > 3, values[1], values[3])

-- Many of them, with collections between.
local sum, list = 0, {}
for i = 1, 20000 do
  sum = sum ~ (sum << 13) ~ (i * k * 31 + i)
  if i % 100 == 0 then list[#list + 1] = sum * k * 5 end
end
print(sum, #list, list[1], list[200])
