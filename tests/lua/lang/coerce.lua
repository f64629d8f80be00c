-- what: strings as numbers in arithmetic, numbers as strings in concatenation
local function case(t) print("== " .. t) end
case "arithmetic"
print("10" + 5, "10" * "2", "3" - 1, "7" // 2, "7" % "4", "2" ^ 2, "10" / 2, -"3", -"0x10")
print("1e1" + 0, " 5 " + 1, "0x1p4" + 0, "5." + 0, ".5" + 0, "0xA" * 2, "9007199254740993" + 0, "9223372036854775808" + 0)
print(math.type("10" + 0), math.type("10.0" + 0), math.type("1e1" + 0))
case "concatenation"
print(1 .. 2, 1.5 .. "|", -0.0 .. "", 2^53 .. "", 1e100 .. "", math.mininteger .. "", (2^31) .. "x")
case "no coercion in comparison or keys"
print(10 == "10", ({ [1] = "a" })["1"], pcall(function() return 1 < "2" end))
case "errors"
local function add(a, b) return a + b end
print(pcall(add, "abc", 1))
print(pcall(add, 1, "abc"))
print(pcall(add, "1x", 1))
print(pcall(add, {}, 1))
print(pcall(add, nil, 1))
print(pcall(function(a) return -a end, "x"))
print(pcall(function(a) return a .. "x" end, nil))
print(pcall(function(a) return "x" .. a end, {}))
print(pcall(function(a) return 1 .. a end, true))
