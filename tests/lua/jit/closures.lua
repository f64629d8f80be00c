-- what: closures made and called in hot loops capture fresh variables
-- jit: compiled>=1
local fs = {} for i = 1, 200 do local j = i * 2 fs[i] = function(d) j = j + d return i + j end end local s = 0 for r = 1, 5 do for i = 1, 200 do s = s + fs[i](r) end end print(s, fs[1](0), fs[200](0))
local function counter() local n = 0 return function() n = n + 1 return n end end local s = 0 for i = 1, 200 do local c = counter() c() c() s = s + c() end print(s)
local function compose(f, g) return function(x) return f(g(x)) end end local inc = function(x) return x + 1 end local f = inc for i = 1, 50 do f = compose(f, inc) end print(f(0)) for i = 1, 100 do f(i) end print(f(100))
local function map(t, fn) local r = {} for i = 1, #t do r[i] = fn(t[i]) end return r end local function fold(t, fn, a) for i = 1, #t do a = fn(a, t[i]) end return a end local t = {} for i = 1, 100 do t[i] = i end for i = 1, 10 do t = map(t, function(x) return x % 97 + i end) end print(fold(t, function(a, b) return a + b end, 0), fold(t, math.max, 0), fold({ "a", "b" }, function(a, b) return a .. b end, ""))
local up = 0 local function bump() up = up + 1 end for i = 1, 1000 do bump() if i == 300 then up = up + 0.5 end end print(up)
local x = 0 local function set(v) x = v end local function get() return x end for i = 1, 500 do set(i) if get() ~= i then print "wrong" end x = x + 1 if get() ~= i + 1 then print "wrong" end end print(x)
local acc = {} for i = 1, 100 do do local v = i acc[#acc + 1] = function() v = v + 1 return v end end end for r = 1, 3 do for i = 1, 100 do acc[i]() end end print(acc[1](), acc[100]())
local function mk(n) local function self(k) if k == 0 then return n end return self(k - 1) end return self end local s = 0 for i = 1, 100 do s = s + mk(i)(5) end print(s)
