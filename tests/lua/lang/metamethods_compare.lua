-- what: __eq, __lt, __le and __len metamethods
local function case(t) print("== " .. t) end
local mt = {} mt.__eq = function(a, b) io.write "[eq]" return a.v == b.v end mt.__lt = function(a, b) io.write "[lt]" return (type(a) == "table" and a.v or a) < (type(b) == "table" and b.v or b) end mt.__le = function(a, b) io.write "[le]" return (type(a) == "table" and a.v or a) <= (type(b) == "table" and b.v or b) end
local function O(v) return setmetatable({ v = v }, mt) end
case "eq"
local a, b, c = O(1), O(1), O(2) print(a == b, a ~= b, a == c, a ~= c, a == a, a == 1, a ~= nil, rawequal(a, b))
print(O(1) == setmetatable({ v = 1 }, { __eq = function() return false end })) print({} == O(1))
case "order"
print(a < c, a > c, a <= b, a >= c, a < 5, 5 < a, a <= 0, 0 >= a, 1 > a)
case "results become booleans"
local t = setmetatable({}, { __lt = function() return 1 end, __le = function() return nil end, __eq = function() return "yes" end }) print(t < t, t <= t, t == setmetatable({}, getmetatable(t)), t > 1, not (t < 1))
case "no __le from __lt"
local o = setmetatable({}, { __lt = function() return true end }) print(o < o, pcall(function() return o <= o end))
case "len"
print(#setmetatable({}, { __len = function() return 42 end }), #setmetatable({}, { __len = function() return "x" end }), #"abc", #{ 1, 2 }) print(pcall(function() return #5 end)) print(pcall(function() local x = {} return #x.y end))
print(rawlen(setmetatable({ 1, 2 }, { __len = function() return 42 end })), rawlen "abcd", pcall(rawlen, 5))
case "in conditions"
if a == b then print "eq" end if a < c and not (c < a) then print "lt" end while a > c do end local n = 0 repeat n = n + 1 until O(n) >= O(3) print(n)
case "strings compare bytewise, never by metamethod"
print("a" < "b", "a" == "a")
case "mixed errors"
print(pcall(function() return {} < {} end)) print(pcall(function() return a < "x" end)) print(pcall(function() return {} < 1 end)) print(pcall(function() return "x" >= 1 end))
