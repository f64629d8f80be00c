-- what: scopes of local variables, shadowing, const and multiple assignment
local function case(t) print("== " .. t) end
case "scopes"
local x = 1
do local x = x + 1 print(x) do local x = x * 10 print(x) end print(x) end
print(x)
local function f(x) x = x + 1 local x = x * 2 return x end
print(f(1), x)
for x = 1, 2 do local x = -x io.write(x, " ") end print(x)
repeat local done = true until done
case "shadowing"
local a = 1 local a = a + 1 local a = a + 1 print(a)
case "const"
local k <const> = 42
local s <const> = "str"
print(k + 1, s .. "!", -k)
local function g() return k, s end
print(g())
print((select(2, load("local x <const> = 1; x = 2", "=c"))))
print((select(2, load("local x <close> = nil; x = 2", "=c"))))
print((select(2, load("local x <foo> = 1", "=c"))))
print((select(2, load("local x <const> = 1; local function f() x = 2 end", "=c"))))
print((select(2, load("local a <close>, b <close> = nil", "=c"))))
case "multiple assignment"
local p, q, r = 1, 2
print(p, q, r)
p, q = q, p print(p, q)
p, q, r = (function() return 7, 8, 9 end)() print(p, q, r)
p, q, r = (function() return 7, 8, 9 end)(), 1 print(p, q, r)
p, q = ((function() return 7, 8 end)()) print(p, q)
local i, t = 1, {}
i, t[i] = i + 1, 20
print(i, t[1], t[2])
local t = { 1, 2 }
t[1], t[2] = t[2], t[1] print(t[1], t[2])
local a = { }
a.x, a.y, a.z = 1, 2 print(a.x, a.y, a.z)
do local a, b, c = ... print(a, b, c) end
case "many locals"
local src = {}
for i = 1, 200 do src[#src + 1] = "local v" .. i .. " = " .. i end
src[#src + 1] = "return v1 + v200"
print(load(table.concat(src, "\n"))())
local src = {}
for i = 1, 201 do src[#src + 1] = "local v" .. i .. " = " .. i end
print((select(2, load(table.concat(src, "\n"), "=m"))))
