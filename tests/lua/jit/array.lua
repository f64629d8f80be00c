-- what: arrays in hot loops: reads, writes, growth, holes, kinds
-- jit: compiled>=1
local function sum(t) local s = 0 for i = 1, #t do s = s + t[i] end return s end
local ints, floats, mixed = {}, {}, {}
for i = 1, 1000 do ints[i] = i floats[i] = i / 4 mixed[i] = i % 2 == 0 and i or i / 2 end
for i = 1, 5 do print(sum(ints), sum(floats), sum(mixed), sum {}) end
ints[500] = nil print(pcall(sum, ints)) ints[500] = "7" print(sum(ints)) ints[500] = 1 << 55 print(sum(ints)) ints[500] = 2.5 print(sum(ints))
local function fill(n, v) local t = {} for i = 1, n do t[i] = v end return t end
print(#fill(10, 1), #fill(1000, 1.5), #fill(100, "s"), fill(10, true)[10], #fill(0, 1), #fill(5000, nil))
local function rev(t) local i, j = 1, #t while i < j do t[i], t[j] = t[j], t[i] i = i + 1 j = j - 1 end return t end
print(table.concat(rev { 1, 2, 3, 4, 5 }, " ")) for i = 1, 20 do rev(ints) end print(ints[1], ints[1000])
local function outside(t, i) return t[i] end local r = 0 for i = -5, 30 do local v = outside({ 1, 2, 3 }, i) if v then r = r + v end end print(r, outside({ [0] = "zero" }, 0), outside({ 1, 2 }, 1.0), outside({ 1 }, "1"), outside({ [1 << 40] = "big" }, 1 << 40))
local m = {} for i = 1, 30 do m[i] = {} for j = 1, 30 do m[i][j] = i * j end end local tr = 0 for k = 1, 20 do for i = 1, 30 do for j = 1, 30 do if i ~= j then tr = tr + m[i][j] - m[j][i] end end tr = tr + m[i][i] end end print(tr)
local q, head = {}, 1 for i = 1, 3000 do q[#q + 1] = i if i % 3 == 0 then q[head] = nil head = head + 1 end end print(#q, head, q[head])
local st = {} for i = 1, 2000 do st[#st + 1] = i if i % 2 == 0 then st[#st] = nil end end print(#st, st[#st])
