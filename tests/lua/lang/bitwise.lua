-- what: bit operators on integers, integral floats and numeric strings
local function case(t) print("== " .. t) end
case "basic"
print(5 & 3, 5 | 3, 5 ~ 3, ~5, ~0, 1 << 4, 256 >> 4, -1 >> 1, -1 << 1)
case "shift counts"
print(1 << 63, 1 << 64, 1 << 65, 1 >> 64, 1 << -1, 2 >> -1, -1 >> 63, -1 >> 64, -1 << -63, 1 << math.mininteger, 1 >> math.mininteger)
case "floats"
print(5.0 & 3, 2^53 | 0, -1.0 & 0xFF, 1.0 << 2)
case "errors"
local function band(a, b) return a & b end
print(pcall(band, 1.5, 1))
print(pcall(band, 2^63, 1))
print(pcall(band, "a", 1))
print(pcall(band, "1.5", 1)) print(pcall(band, "7", 3)) print(pcall(function() return "12" | 1 end))
print(pcall(band, {}, 1))
print(pcall(band, 1, nil))
print(pcall(function(a) return ~a end, "x"))
print(pcall(function(a) return ~a end, 1.25))
print(pcall(function(a) return a << 1 end, true))
case "precedence"
print(1 | 2 & 3, 1 ~ 3 & 2, 1 << 2 + 1, 5 & 3 == 1, ~1 + 1, -1 & 0xFF, 3 | 4 ~ 1, ("10" + 1) << 1)
