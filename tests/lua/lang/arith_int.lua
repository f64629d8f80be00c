-- what: integer arithmetic wraps at 64 bits, floors division and modulo
local function case(t) print("== " .. t) end
local max, min = math.maxinteger, math.mininteger
case "wrap"
print(max + 1 == min, min - 1 == max, max * 2, min * -1, -min == min)
print(max + max, min + min, max * max, min * min)
case "48 bits"
local b = 1 << 47
print(b, b - 1, -b, -b - 1, b + b, (b - 1) + 1, (-b) - 1, b * b)
print((1 << 46) + (1 << 46), (1 << 47) - 1 + 1, -(1 << 47) - 1, 140737488355327 + 1, -140737488355328 - 1)
print(140737488355327 * 140737488355327, 16777216 * 16777216, 3037000500 * 3037000500)
case "floor division"
for _, p in ipairs { {7, 2}, {-7, 2}, {7, -2}, {-7, -2}, {0, 5}, {min, -1}, {min, 1}, {max, -1}, {1, min}, {-1, max} } do
  print(p[1], p[2], p[1] // p[2], p[1] % p[2])
end
case "division by zero"
print(pcall(function(a, b) return a // b end, 1, 0))
print(pcall(function(a, b) return a % b end, 1, 0))
print(1 // 0.0, -1 // 0.0, 1 % math.huge, -1 % math.huge, 1 % -math.huge)
case "true division and power give floats"
print(6 / 2, 7 / 2, 2 ^ 10, 2 ^ 0.5, (-2) ^ 2, -2 ^ 2, 2 ^ 3 ^ 2)
case "unary minus"
print(-0, - -5, -(5), - - -5, -max, -min)
case "bigger than 48 bits keep identity"
local t = {}
t[1 << 50] = "a"
t[(1 << 50) + 0.0] = "b"
print(t[1 << 50], rawequal(1 << 50, 1 << 50), (1 << 50) == 2.0 ^ 50, #t)
print(math.type(1 << 50), math.type(2.0 ^ 50), next(t))
