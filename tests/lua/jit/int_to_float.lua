-- what: a variable changes from integer to float in the middle of a loop
-- jit: compiled>=1
local function f(n, at) local x = 0 for i = 1, n do if i == at then x = x + 0.5 end x = x + 1 end return x end
print(f(100, 0), f(100, 50), f(100, 100), f(1000, 999), f(10, 5), f(1000, 0))
local x = 1 for i = 1, 1000 do x = x + 1 if i == 600 then x = x / 1 end end print(x)
local t = {} for i = 1, 300 do t[i] = i < 200 and i or i + 0.25 end local s = 0 for i = 1, #t do s = s + t[i] end print(s)
