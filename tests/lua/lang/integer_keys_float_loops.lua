-- what: integral floats as table keys and indices in loops
local function case(t) print("== " .. t) end
case "float indices"
local t = {} for i = 1.0, 5.0 do t[i] = i * 2 end print(#t, t[1], t[5], math.type(next(t)), t[3.0])
for i = 1, 5 do t[i / 1] = i end print(t[1], t[2], math.type(t[1]))
local t = { 10, 20, 30 } print(t[2.0], t[4 / 2], t[2^1], t[1.5]) t[4.0] = 40 print(#t, t[4])
case "string to number keys stay apart"
local t = {} t["1"] = 1 t[1] = 2 print(t["1"], t[1], #t)
case "large keys"
local t = {} t[2^53] = 1 t[2^53 + 1] = 2 print(t[2^53], t[(1 << 53)], t[(1 << 53) + 1]) t[2^63] = 3 print(t[2^63], t[math.maxinteger], t[-2^63]) t[math.mininteger] = 4 print(t[-2^63])
