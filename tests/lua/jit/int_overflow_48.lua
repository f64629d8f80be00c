-- what: sums leave 48 bits inside compiled code and come back
-- jit: compiled>=1
local function run(start, step, n) local s = start for i = 1, n do s = s + step end return s end
for i = 1, 20 do run(1, 1, 50) end
print(run(0, 1 << 40, 1000), run(1 << 46, 1 << 45, 10), run((1 << 47) - 5, 1, 10), run(-(1 << 47) + 5, -1, 10))
print(run(1 << 50, -(1 << 40), 2000), run(math.maxinteger - 5, 1, 10), run(math.mininteger + 5, -1, 10))
local p = 1 for i = 1, 70 do p = p * 3 end print(p)
local q = 1 for i = 1, 100 do q = q * -7 + i end print(q)
local h = 0 for i = 1, 1000 do h = h * 31 + i end print(h)
