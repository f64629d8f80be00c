-- what: while, repeat, break and nested loops
local function case(t) print("== " .. t) end
case "while"
local i, s = 0, 0
while i < 10 do i = i + 1 if i == 8 then break end s = s + i end print(i, s)
while false do print "never" end
case "repeat sees its locals"
local n = 0
repeat local m = n * 2 n = n + 1 until m >= 6
print(n)
local fs = {}
local i = 0
repeat local j = i fs[#fs + 1] = function() j = j + 1 return j end i = i + 1 until j == 2
print(fs[1](), fs[1](), fs[2](), fs[3]())
case "nested break"
local r = {}
for i = 1, 4 do for j = 1, 4 do if j > i then break end if i == 3 then break end r[#r + 1] = i .. j end end
print(table.concat(r, " "))
case "break in closures and blocks"
while true do local x = 5 local f = function() return x end do break end end
for i = 1, 3 do repeat if i == 2 then break end io.write(i, " ") until true end print()
case "syntax errors"
print((select(2, load("break", "=b"))))
print((select(2, load("for i = 1, 2 do end break", "=b"))))
print((select(2, load("while true do local function f() break end end", "=b"))))
