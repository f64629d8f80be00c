-- what: arithmetic, bit and concatenation metamethods
local function case(t) print("== " .. t) end
local mt = {}
local names = { "add", "sub", "mul", "div", "mod", "pow", "idiv", "band", "bor", "bxor", "shl", "shr", "concat" }
local function show(v) if type(v) == "table" then return "T" .. (v.id or "?") end return tostring(v) end
for _, n in ipairs(names) do mt["__" .. n] = function(a, b) return n .. "(" .. show(a) .. "," .. show(b) .. ")" end end
mt.__unm = function(a, b) return "unm(" .. show(a) .. "," .. show(b) .. ")" end mt.__bnot = function(a, b) return "bnot(" .. show(a) .. "," .. show(b) .. ")" end
local a, b = setmetatable({ id = 1 }, mt), setmetatable({ id = 2 }, mt)
case "both sides"
print(a + b, a - b, a * b, a / b, a % b, a ^ b, a // b) print(a & b, a | b, a ~ b, a << b, a >> b, a .. b) print(-a, ~a)
case "one side"
print(a + 1, 1 + a, a - 2.5, 2.5 - a, "x" .. a, a .. "x", 1 .. a, a & 1, 1 & a, a | 1.5, "s" | a, a << 1, 1 >> a, a // 0, a % 0)
case "constants on each side"
print(a * 2, 2 * a, a / 2, a ^ 2, 2 ^ a, a - 1, 1 - a, a // 2, a % 3, 3 % a, a & 0xFF, 0xFF ~ a, a + 1000000, a + "x", nil == a)
case "concat chains"
print("a" .. "b" .. a .. "c" .. "d") print(a .. b .. a) print(1 .. 2 .. a .. 3)
case "left operand wins"
local m1, m2 = setmetatable({}, { __add = function() return "left" end }), setmetatable({}, { __add = function() return "right" end }) print(m1 + m2, m2 + m1, m1 + 1, 1 + m2)
case "results are cut to one"
local m = setmetatable({}, { __add = function() return 1, 2, 3 end, __unm = function() end }) print(m + 1, (m + 1)) print(-m)
case "strings fall back to their metamethods"
print(pcall(function() return "a" + 1 end)) print("10" + setmetatable({}, { __add = function(x, y) return type(x) .. type(y) end }))
case "missing"
local e = setmetatable({}, {}) print(pcall(function() return e + 1 end)) print(pcall(function() return -e end)) print(pcall(function() return e .. "x" end)) print(pcall(function() return e & 1 end)) print(pcall(function() return 2 ^ e end))
case "not callable metamethod"
print(pcall(function() return setmetatable({}, { __add = 5 }) + 1 end)) print(setmetatable({}, { __add = setmetatable({}, { __call = function(self, x, y) return "called " .. y end }) }) + 7)
