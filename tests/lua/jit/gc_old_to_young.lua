-- what: old objects that point to new ones keep them alive
local old = {} for i = 1, 100 do old[i] = { ref = false, arr = {} } end collectgarbage() collectgarbage()
for r = 1, 50 do for i = 1, 100 do old[i].ref = { r * i } old[i].arr[r] = { r + i } old[i]["dyn" .. r % 5] = { "s" .. r } end end
local s = 0 for i = 1, 100 do s = s + old[i].ref[1] for r = 1, 50 do s = s + old[i].arr[r][1] end s = s + #old[i].dyn1[1] end print(s)
local function counter() local box = { 0 } return function() box = { box[1] + 1 } return box[1] end end local c = counter() collectgarbage() for i = 1, 5000 do c() end print(c())
local co = coroutine.wrap(function() local acc = {} while true do acc = { prev = #acc, coroutine.yield(acc) } end end) co() collectgarbage() for i = 1, 3000 do co { i } end print(co { 1 }.prev) local mt = {} local o = setmetatable({}, mt) collectgarbage() for i = 1, 500 do mt.__index = { f = { i } } if o.f[1] ~= i then print "wrong" end end local t = {} for i = 1, 20 do t[i] = i end collectgarbage() for i = 1, 2000 do t[i] = { i } end s = 0 for i = 1, 2000 do s = s + t[i][1] end print(s)
local q = {} for i = 1, 10 do q[i] = { i } end collectgarbage() for i = 1, 5000 do local x = table.remove(q, 1) table.insert(q, { x[1] + 1 }) end s = 0 for i = 1, 10 do s = s + q[i][1] end print(s)
