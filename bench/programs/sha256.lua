-- group: integer
-- no-luajit: bit operators
-- SHA-256 with the bit operators of Lua 5.4.
local k = {}
do
  local n, count = 2, 0
  local function frac(x) return math.floor((x - math.floor(x)) * 4294967296) end
  while count < 64 do
    local prime = true
    for d = 2, math.floor(n ^ 0.5) do
      if n % d == 0 then prime = false break end
    end
    if prime then
      count = count + 1
      k[count] = frac(n ^ (1 / 3))
    end
    n = n + 1
  end
end

local function ror(x, n) return ((x >> n) | (x << (32 - n))) & 0xffffffff end

local function block(msg, at, h)
  local w = { string.unpack(">I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4", msg, at) }
  for i = 17, 64 do
    local a, b = w[i - 15], w[i - 2]
    local s0 = ror(a, 7) ~ ror(a, 18) ~ (a >> 3)
    local s1 = ror(b, 17) ~ ror(b, 19) ~ (b >> 10)
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & 0xffffffff
  end
  local a, b, c, d, e, f, g, hh = h[1], h[2], h[3], h[4], h[5], h[6], h[7], h[8]
  for i = 1, 64 do
    local s1 = ror(e, 6) ~ ror(e, 11) ~ ror(e, 25)
    local ch = (e & f) ~ (~e & g)
    local t1 = hh + s1 + ch + k[i] + w[i]
    local s0 = ror(a, 2) ~ ror(a, 13) ~ ror(a, 22)
    local maj = (a & b) ~ (a & c) ~ (b & c)
    hh, g, f, e, d, c, b, a = g, f, e, (d + t1) & 0xffffffff, c, b, a, (t1 + s0 + maj) & 0xffffffff
  end
  local v = { a, b, c, d, e, f, g, hh }
  for i = 1, 8 do h[i] = (h[i] + v[i]) & 0xffffffff end
end

local function sha256(msg)
  local len = #msg
  msg = msg .. "\128" .. ("\0"):rep((55 - len) % 64) .. string.pack(">I8", len * 8)
  local h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 }
  for at = 1, #msg, 64 do block(msg, at, h) end
  return (("%08x"):rep(8)):format(table.unpack(h))
end

print(sha256("abc"))
print(sha256(("The quick brown fox jumps over the lazy dog. "):rep(60000)))
