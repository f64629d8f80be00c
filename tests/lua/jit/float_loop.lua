-- what: a float loop keeps unboxed doubles
-- jit: compiled>=1 osr>=1 exits<=4
local x, y = 0.0, 1.0
for i = 1, 200000 do x = x * 0.999 + y y = y + 1.0 / i end
print(x, y)
