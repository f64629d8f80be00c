-- group: integer
-- no-luajit: 64-bit integers
-- Random generators on 64-bit integers.
local function lcg(x, n)
  for _ = 1, n do x = x * 6364136223846793005 + 1442695040888963407 end
  return x
end
local function xorshift(x, n)
  for _ = 1, n do
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
  end
  return x
end
local function splitmix(state, n)
  local sum = 0
  for _ = 1, n do
    state = state + 0x9e3779b97f4a7c15
    local z = state
    z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ~ (z >> 27)) * 0x94d049bb133111eb
    sum = sum ~ (z ~ (z >> 31))
  end
  return sum
end

print(lcg(1, 90000000), xorshift(88172645463325252, 30000000), splitmix(7, 14000000))
