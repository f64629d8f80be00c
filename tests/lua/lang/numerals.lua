-- what: numeric literals: decimal, hexadecimal, floats, malformed ones
local function case(t) print("== " .. t) end
case "valid"
print(0x10, 0xfF, 0XA, 1e2, 1E+2, 1e-2, .5, 5., 0x.8, 0x8., 0x1p4, 0x1P-2, 0xA.8p1, 3e0, 0x0.1E)
print(9223372036854775807, 9223372036854775808, 0x7fffffffffffffff, 0xffffffffffffffff, 0x1ffffffffffffffff)
print(1e308 * 10, 0x1p1023, 0x1p-1074, 1e-400, 123456789012345678901234567890)
print(math.type(1e2), math.type(0x10), math.type(0x1p4), math.type(3.0), math.type(9223372036854775808))
case "malformed"
local function bad(s) print((select(2, load("return " .. s, "=s")))) end
bad "3x" bad "0x" bad "0xg" bad "1e" bad "1e+" bad "1..2" bad "0x1p" bad "1.2.3" bad "12abc" bad "0b1" bad "1e5e5" bad "08x"
case "tonumber"
print(tonumber "0x10", tonumber "  12  ", tonumber "1e1", tonumber "", tonumber " ", tonumber "1 2", tonumber "0x", tonumber "1e", tonumber "inf", tonumber "nan")
print(tonumber "10" , tonumber "-0x10", tonumber "- 1", tonumber "+1", tonumber "--1", tonumber "0x1.8", tonumber ".e1", tonumber "1\0")
print(tonumber("10", 2), tonumber("zz", 36), tonumber("ff", 16), tonumber("8", 8), tonumber("-ff", 16), tonumber("  11  ", 2), tonumber("", 10), tonumber("1.0", 10))
print(tonumber(nil == 1 or "5"), tonumber(5), tonumber(5.5), tonumber({}), tonumber(true), tonumber(print))
print(tonumber("7fffffffffffffff", 16), tonumber("ffffffffffffffff", 16), tonumber("1" .. ("0"):rep(70), 2))
print(pcall(tonumber)) print(pcall(tonumber, 10, 10)) print(pcall(tonumber, "10", 1)) print(pcall(tonumber, "10", 37)) print(pcall(tonumber, {}, 10))
