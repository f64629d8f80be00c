-- what: closures share and keep captured variables
local function case(t) print("== " .. t) end
case "counter"
local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end
local inc, get = counter() inc() inc() print(get(), inc(), get())
local inc2 = counter() print(inc2(), get())
case "loop variables are fresh"
local fs = {}
for i = 1, 3 do fs[i] = function() i = i + 10 return i end end
print(fs[1](), fs[1](), fs[2](), fs[3]())
for i, v in ipairs { "a", "b" } do fs[i] = function() return i .. v end end print(fs[1](), fs[2]())
local j = 0 while j < 3 do j = j + 1 local k = j fs[j] = function() k = k + 1 return k end end print(fs[1](), fs[2](), fs[2](), fs[3]())
case "nested three deep"
local function a() local x = 1 return function() local y = 10 return function() x = x + 1 y = y + x return x, y end end end
local c = a()() print(c()) print(c())
case "parameters are captured"
local function add(n) return function(m) n = n + m return n end end local f, g = add(1), add(100) print(f(1), f(1), g(1), f(0))
case "recursive local function"
local function fact(n) return n <= 1 and 1 or n * fact(n - 1) end print(fact(20))
local fib fib = function(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end print(fib(15))
case "shared by siblings after the scope ends"
local set, get do local v = 1 set = function(x) v = x end get = function() return v end end set(99) print(get())
case "varargs captured through a table"
local function pack2(...) local t = { ... } return function() return table.unpack(t) end end print(pack2(1, nil, 3)())
case "captured and changed after capture"
local x = 1 local function r() return x end x = 2 print(r()) x = x + 1 print(r())
case "identity"
local function mk() return function() end end print(mk() == mk(), r == r)
case "many upvalues"
local src = {} for i = 1, 60 do src[#src + 1] = ("local a%d = %d"):format(i, i) end
src[#src + 1] = "return function() return 0" for i = 1, 60 do src[#src + 1] = "+ a" .. i end src[#src + 1] = " end"
print(load(table.concat(src, "\n"))()())
local src = { "local a0 = 0" } for i = 1, 256 do src[#src + 1] = (i % 150 == 0 and "local function f() " or "") .. "" end
print((select(2, load((function() local s = {} for j = 0, 1 do for i = 1, 130 do s[#s + 1] = ("local a%d_%d"):format(j, i) end if j == 0 then s[#s + 1] = "local function f()" end end s[#s + 1] = "return function() return 0" for j = 0, 1 do for i = 1, 130 do s[#s + 1] = ("..a%d_%d"):format(j, i) end end s[#s + 1] = " end end" return table.concat(s, "\n") end)(), "=u"))))
