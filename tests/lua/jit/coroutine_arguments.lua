-- what: hundreds of arguments where the compiled part of a coroutine's native stack is used up
-- jit: coroutines>=20 errors=0
local wrap = coroutine.wrap
local function f(n, ...) if n == 0 then return select("#", ...) end local r = f(n - 1, ...) return r end
local function g(n, a, b, c) if n == 0 then return c end local r = g(n - 1, table.unpack({ a, b, c, 4, 5 }, 1, 300)) return r end
local t = {} for i = 1, 300 do t[i] = i end
for r = 1, 100 do assert(wrap(function() return f(3, table.unpack(t)) end)() == 300) end
for r = 1, 100 do assert(wrap(function() return g(3, table.unpack(t)) end)() == 3) end
print(wrap(function() return f(1400, table.unpack(t)) end)())
print(wrap(function() return g(20000, table.unpack(t)) end)())
