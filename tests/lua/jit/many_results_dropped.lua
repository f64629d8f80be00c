-- what: hundreds of results that nobody wants do not come back as the next function's results
-- jit: compiled>=2 errors=0
local t = {} for i = 1, 300 do t[i] = i end
local function many() return table.unpack(t) end
local function f(a) many() return a, a + 1 end
local s = 0
for i = 1, 300 do local a, b = f(i) s = s + a + b end
print(s)
print(pcall(f, 5))
local function g() for i = 1, 400 do many() end return "x", "y" end
print(g()) print(g())
