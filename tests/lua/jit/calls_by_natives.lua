-- what: functions that natives call (pcall, xpcall, table.sort, gsub) are compiled: results, errors, tracebacks
-- jit: compiled>=1 errors=0
local function f(x) if x > 3000 and x % 1000 == 0 then error("bad " .. x) end return x, x+1 end
for i = 1, 5000 do local a, b, c = pcall(f, i); if not a then print(b) end end
local function g(x) local t = nil; return t.x end
local ok, e
for i = 1, 3000 do ok, e = pcall(g, i) end
print(ok, e)
local function tb(x) if x == 3000 then error("tb") end return x end
for i = 1, 3000 do ok, e = xpcall(tb, debug.traceback, i) end
print(e)
local mt = {__index=function(t,k) if k == "zz" then error("no field " .. k, 2) end return 1 end}
local o = setmetatable({}, mt)
for i = 1, 3000 do local _ = o.a end
print(pcall(function() return o.zz end))
local cmpf = function(a,b) if a > 900 then error("cmp") end return a < b end
local t = {}
for i=1,800 do t[i] = (i*7919)%801 end
for i=1,10 do table.sort(t, cmpf) end
t[5] = 1000
print(pcall(table.sort, t, cmpf))
print(select('#', pcall(function(...) return ... end, 1, 2, 3, 4, 5, 6)))
local v = function(...) return ... end
local n
for i=1,3000 do n = select('#', pcall(v, 1,2,3)) + select('#', pcall(v)) + select('#', pcall(v,1,2,3,4,5,6,7)) end
print(n)
local many = function(k) return table.unpack({}, 1, k) end
for i=1,3000 do n = select('#', pcall(many, i % 300)) end
print(n, select('#', pcall(many, 263)), select('#', pcall(many, 264)), select('#', pcall(many, 265)))
local function up(w) if w == "stop" then return false, 1, 2 end return w:upper(), 5 end
local s
for i = 1, 300 do s = ("a stop b"):gsub("%a+", up) end
print(s)
print((("k=v x=y"):gsub("(%w)=(%w)", function(k, v) return v .. k end)))
print(pcall(string.gsub, "a", "a", function() return {} end))
local nothing = function() end
for i = 1, 300 do s = select("#", pcall(nothing)) end
print(s, pcall(nothing))
local function handler(m) return "handled " .. m, 2 end
local function fail(x, y, z, w) error(x .. y .. tostring(z) .. tostring(w), 0) end
for i = 1, 300 do s = select(2, xpcall(fail, handler, "a", "b", "c", "d", "e")) end
print(s, xpcall(fail, handler, 1, 2))
-- Errors thrown through frames of both kinds, nested.
local function nest(n) if n == 0 then error("deep", 0) end local ok, e = pcall(nest, n - 1) error(e .. n, 0) end
for i = 1, 100 do s = select(2, pcall(nest, 5)) end
print(s)
print(select(2, pcall(nest, 150)) == select(2, pcall(nest, 150)), #tostring(select(2, pcall(nest, 185))))
-- __tostring, __name, __gc-less objects by natives.
local T = setmetatable({}, { __tostring = function() return "T!" end })
for i = 1, 300 do s = tostring(T) end
print(s, #s)
-- Sorting with values that yield errors in the middle leaves a permutation.
local list = {}
for i = 1, 50 do list[i] = i * 37 % 51 end
local calls = 0
for round = 1, 30 do calls = 0 pcall(table.sort, list, function(x, y) calls = calls + 1 if calls > 60 then error("enough") end return x < y end) end
local sum = 0
for _, v in ipairs(list) do sum = sum + v end
print(sum, calls)
