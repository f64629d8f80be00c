-- what: arithmetic wraps at 64 bits in hot loops
local function lcg(n) local x = 1 for i = 1, n do x = x * 6364136223846793005 + 1442695040888963407 end return x end
print(lcg(10), lcg(10000))
local function xorshift(n) local x = 88172645463325252 for i = 1, n do x = x ~ (x << 13) x = x ~ (x >> 7) x = x ~ (x << 17) end return x end
print(xorshift(10), xorshift(10000))
local function fnv(s) local h = 0xcbf29ce484222325 for i = 1, #s do h = (h ~ s:byte(i)) * 0x100000001b3 end return h end
print(fnv "", fnv "hello", fnv(("abc"):rep(1000)))
local function popcount(x) local c = 0 while x ~= 0 do x = x & (x - 1) c = c + 1 end return c end
local c = 0 for i = 1, 2000 do c = c + popcount(i * 0x9E3779B97F4A7C15) end print(c)
local a, b = math.maxinteger, 0 for i = 1, 200 do a = a + i b = b - a end print(a, b) for i = 1, 200 do a = -a - 1 b = b // 3 + a end print(a, b)
