-- what: arrays that get metatables while loops over them are hot
local function get(t, i) return t[i] end
local function run(t) local s = 0 for i = 1, 60 do s = s + (get(t, i) or 0) end return s end
local t = {} for i = 1, 50 do t[i] = i end
for i = 1, 10 do run(t) end print(run(t))
setmetatable(t, { __index = function(_, k) return k * 100 end }) print(run(t)) setmetatable(t, { __index = { [55] = 7 } }) print(run(t)) t[10] = nil print(run(t)) setmetatable(t, nil) print(run(t))
local log = 0 local w = setmetatable({}, { __newindex = function(t, k, v) log = log + 1 rawset(t, k, v * 2) end })
local function put(t, i, v) t[i] = v end for r = 1, 3 do for i = 1, 40 do put(w, i, i) end end print(log, w[40], #w)
for i = 1, 40 do put(w, i, nil) end for i = 1, 40 do put(w, i, i) end print(log, w[1])
