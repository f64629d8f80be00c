-- what: and, or, not; what counts as false; values of logical expressions
local function case(t) print("== " .. t) end
case "values"
print(nil and 1, false and 1, 0 and 1, "" and 1, nil or 2, false or 2, 0 or 2, nil or false, false or nil)
print(not nil, not 0, not not 1, 1 and nil, 1 and false)
case "short circuit"
local n = 0
local function f(v) n = n + 1 return v end
local _ = f(false) and f(true) _ = f(true) or f(false) _ = f(nil) or f(1) and f(2)
print(n)
case "chains"
local function pick(a, b, c) return a and b or c end
print(pick(true, 1, 2), pick(false, 1, 2), pick(true, nil, 2), pick(nil, 1, nil))
local a, b, c = 1, nil, 3
print(a and b and c, a and (b or c), (a or b) and c, not a == b, not (a == b))
print(1 < 2 and 2 < 3, 1 < 2 and 3 < 2, 1 == 1 or error "no", nil == nil and "eq")
case "as conditions"
local r = {}
for _, v in ipairs { 1, false, "x", false } do if v and v ~= 1 then r[#r + 1] = tostring(v) elseif not v then r[#r + 1] = "F" else r[#r + 1] = "1" end end
print(table.concat(r, ","))
local x = 5
if not (x > 3 and x < 10) then print "out" else print "in" end
while not (x == 0) do x = x - 1 end
print(x)
case "comparison results as values"
local t = { 1 < 2, 1 > 2, 1 == 1, "a" ~= "a", not nil }
for i = 1, #t do io.write(tostring(t[i]), " ") end print()
