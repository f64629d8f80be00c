-- what: much garbage in hot loops: values survive collections
-- jit: compiled>=1 minor>=1
local keep = {} for i = 1, 30000 do local t = { i, i + 1, x = { i } } if i % 1000 == 0 then keep[#keep + 1] = t end end local s = 0 for _, t in ipairs(keep) do s = s + t[1] + t[2] + t.x[1] end print(#keep, s)
local list = nil for i = 1, 20000 do list = { next = list, v = i } end local n, sum = 0, 0 while list do n = n + 1 sum = sum + list.v list = list.next end print(n, sum)
local parts = {} for i = 1, 5000 do parts[#parts + 1] = "item " .. i .. ": " .. i * 1.5 end local str = table.concat(parts, "\n") print(#str, str:sub(1, 20), str:sub(-12))
local function tree(d) if d == 0 then return {} end return { tree(d - 1), tree(d - 1) } end local function count(t) if not t[1] then return 1 end return 1 + count(t[1]) + count(t[2]) end local c = 0 for i = 1, 20 do c = c + count(tree(8)) end print(c)
local fs = {} for i = 1, 5000 do local v = { i } fs[i % 10 + 1] = function() return v[1] end end s = 0 for i = 1, 10 do s = s + fs[i]() end print(s) local str = "" for i = 1, 2000 do str = str .. i % 10 end print(#str, str:sub(1, 12)) local d = {} for i = 1, 20000 do local k = "k" .. i % 100 d[k] = (d[k] or 0) + i / 2 end local z = 0 for _, v in pairs(d) do z = z + v end print(z)
local weak = setmetatable({}, { __mode = "v" }) for i = 1, 1000 do weak[i] = { i } end collectgarbage() local left = 0 for _ in pairs(weak) do left = left + 1 end print(left) local big = {} for i = 1, 300 do big[i] = {} for j = 1, 50 do big[i][j] = { i * j } end end collectgarbage() s = 0 for i = 1, 300 do for j = 1, 50 do s = s + big[i][j][1] end end print(s)
local boxed = {} for i = 1, 3000 do boxed[i] = (1 << 50) + i end collectgarbage() s = 0 for i = 1, 3000 do s = s + boxed[i] - (1 << 50) end print(s)
