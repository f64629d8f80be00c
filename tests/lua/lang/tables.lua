-- what: table constructors, length, growth, removal, next
local function case(t) print("== " .. t) end
case "constructors"
local t = { 1, 2, 3, x = 10, ["y z"] = 20, [4] = 4, [1 + 4] = 5, } print(#t, t.x, t["y z"], t[4], t[5]) local t = { [1] = "a", "b" } print(t[1]) local t = { 1, nil, 3 } print(t[3]) local t = {} print(#t, next(t)) local t = { n = nil } print(next(t)) print(#{ 1, 2; 3; }, #{ {}, {} })
local t = { (function() return 1, 2, 3 end)() } print(#t) local t = { (function() return 1, 2, 3 end)(), 10 } print(#t, t[2])
case "big constructor"
local src = { "return {" } for i = 1, 300 do src[#src + 1] = i .. "," end src[#src + 1] = "}" local t = load(table.concat(src))() print(#t, t[300], t[51], t[256])
local src = { "return {" } for i = 1, 300 do src[#src + 1] = "k" .. i .. "=" .. i .. "," end src[#src + 1] = "}" local t = load(table.concat(src))() print(t.k1, t.k300) local n = 0 for k, v in pairs(t) do n = n + v end print(n)
case "length"
local t = {} for i = 1, 100 do t[i] = i end print(#t) for i = 100, 51, -1 do t[i] = nil end print(#t) t[51] = 1 print(#t) local t = {} for i = 10, 1, -1 do t[i] = i end print(#t) print(#{ n = 1 }, #"")
case "sparse and negative"
local t = {} t[1000000] = 1 t[-5] = 2 t[0] = 3 t[1 << 40] = 4 print(#t, t[1000000], t[-5], t[0], t[1 << 40]) t[1] = 1 print(#t)
case "all key types"
local f, o, co = print, {}, coroutine.create(print) local t = { [true] = 1, [false] = 2, [f] = 3, [o] = 4, [co] = 5, [1.5] = 6, [-1.5] = 7, ["s"] = 8, [2^60] = 9, [math.huge] = 10 } print(t[true], t[false], t[print], t[o], t[co], t[1.5], t[-1.5], t.s, t[1 << 60], t[1 / 0], t[{}])
case "next and pairs cover all"
local t = {} for i = 1, 50 do t[i] = i t["k" .. i] = i t[i + 0.5] = i end local s, n = 0, 0 for k, v in pairs(t) do s, n = s + v, n + 1 end print(s, n) local k, c = nil, 0 repeat k = next(t, k) if k ~= nil then c = c + 1 end until k == nil print(c)
case "clearing while traversing"
local t = {} for i = 1, 100 do t["k" .. i] = i end local c = 0 for k in pairs(t) do t[k] = nil c = c + 1 end print(c, next(t)) for i = 1, 100 do t["j" .. i] = i end c = 0 for _ in pairs(t) do c = c + 1 end print(c)
case "deleting and inserting often"
local t = {} for r = 1, 20 do for i = 1, 50 do t[r * 100 + i] = i end for i = 1, 50 do t[r * 100 + i] = nil end end print(next(t)) local t = {} for i = 1, 1000 do t["a" .. i % 37] = i if i % 3 == 0 then t["a" .. i % 37] = nil end end local c = 0 for _ in pairs(t) do c = c + 1 end print(c)
case "arrays of arrays"
local m = {} for i = 1, 3 do m[i] = {} for j = 1, 3 do m[i][j] = i * j end end print(m[2][3], #m, #m[1], m[3][3]) m[2][2] = { x = { y = 7 } } print(m[2][2].x.y)
case "boundaries of arrays"
local t = { 1, 2, 3 } print(t[0], t[4], t[-1], t[1.5], t["1"], t[3.0], t[1 << 62]) t[4] = 4 t[6] = 6 print(#t == 4 or #t == 6, t[5]) t[5] = 5 print(#t)
