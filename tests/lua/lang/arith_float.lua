-- what: float arithmetic, infinities, NaN, negative zero, conversions
local function case(t) print("== " .. t) end
local inf = math.huge
local nan = 0 / 0
case "infinities"
print(1 / 0, -1 / 0, inf + 1, inf - inf ~= inf - inf, inf * 0 ~= inf * 0, inf == inf, -inf < inf)
case "nan"
print(nan == nan, nan ~= nan, nan < nan, nan <= nan, nan > 1, 1 > nan, not (nan == nan))
print(-(0 / 0), 0 / 0)
case "negative zero"
print(0.0, -0.0, 0.0 == -0.0, 1 / 0.0, 1 / -0.0, 0 * -1.0, -0.0 + 0, 0.0 // -1)
case "floor division and modulo"
for _, p in ipairs { {7.5, 2}, {-7.5, 2}, {7.5, -2}, {-7.5, -2}, {5.3, inf}, {-5.3, inf}, {5, -inf}, {-0.0, 3}, {1e308, 1e-308} } do
  print(p[1], p[2], p[1] // p[2], p[1] % p[2])
end
print(inf % 2 ~= inf % 2, 5.0 % 0 ~= 5.0 % 0, 5.0 // 0, -5.0 // 0)
case "mixed"
print(1 + 1.0, 2 * 0.5, 10 - 0.0, 3 // 1.0, 7 % 2.5, 2 ^ 2)
print(1e15, 1e16, 1e100, 123456789012345678, 2^53, 2^63, -2^63, 1e15 + 0.5)
print(0.1, 0.1 + 0.2, 1 / 3, 100 * 1.1, 3.14159265358979, 1e-5, 5e-324, 1.7976931348623157e308)
case "integers and floats as one number"
print(1 == 1.0, math.type(1), math.type(1.0), 2^53 == 2^53 + 1, (1 << 53) == 2^53, (1 << 53) + 1 == 2^53 + 1)
print(math.maxinteger == math.maxinteger + 0.0, math.maxinteger < math.maxinteger + 0.0, math.mininteger == -2^63)
print(math.maxinteger + 0.0 == 2^63, math.maxinteger // 1 == math.maxinteger)
