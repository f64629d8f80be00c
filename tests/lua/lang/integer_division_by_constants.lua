-- what: division and modulo by constants of each sign and size
local function t(a) print(a, a // 1, a % 1, a // 2, a % 2, a // -2, a % -2, a // 3, a % 3, a // 7, a % 7, a // -7, a % -7, a // 16, a % 16, a // 10, a % 10, a // 1024, a % 1024, a // -1, a % -1) end
for _, v in ipairs { 0, 1, -1, 2, -2, 5, -5, 100, -100, 12345, -12345, 1 << 40, -(1 << 40), (1 << 47) - 1, -(1 << 47), 1 << 50, math.maxinteger, math.mininteger } do t(v) end
for _, v in ipairs { 0.0, -0.0, 1.5, -1.5, 7.25, -7.25, 1e15, -1e15 } do t(v) end
