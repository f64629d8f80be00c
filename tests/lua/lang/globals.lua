-- what: global variables through _ENV and _G
local function case(t) print("== " .. t) end
case "basic"
x = 1 print(x, _G.x, _ENV.x, _G == _ENV, _G._G == _G)
x = nil print(x, rawget(_G, "x"))
case "_ENV as local"
do local _ENV = { print = print } y = 5 print(y, _ENV.y, z) end
print(y)
case "_ENV as parameter"
local function f(_ENV) a = a + 1 return a end
local t = { a = 10 } print(f(t), f(t), t.a, a)
case "_ENV as upvalue"
local function mk() local _ENV = { n = 0 } return function() n = n + 1 return n end end
local c = mk() print(c(), c(), n)
case "load with env"
local env = {} local fn = load("v = 1; local function f() w = v + 1 end f() return v", "=c", "t", env)
print(fn(), env.v, env.w, v)
case "no _ENV"
print(pcall(load("local _ENV = nil; return x", "=c")))
print(pcall(load("local _ENV <const> = {}; x = 1; return x", "=c")))
print(pcall(function() local _ENV = 5; return foo.bar end))
case "metatable on _G"
setmetatable(_G, { __index = function(_, k) return "missing " .. k end, __newindex = function(t, k, v) rawset(t, k, v * 2) end })
print(undefinedvar) newvar = 21 print(newvar) newvar = 5 print(newvar)
setmetatable(_G, nil)
print(undefinedvar)
case "changes are seen by functions"
function g() return h() end function h() return 1 end print(g()) function h() return 2 end print(g())
