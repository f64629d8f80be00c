-- what: goto and labels: loops, continue, nested functions, errors
local function case(t) print("== " .. t) end
case "loop"
do local i = 1 ::top:: if i <= 3 then io.write(i, " ") i = i + 1 goto top end print() end
case "continue"
for i = 1, 5 do if i % 2 == 0 then goto continue end io.write(i, " ") ::continue:: end print()
local i = 0 while i < 5 do i = i + 1 if i == 3 then goto cont end io.write(i, " ") ::cont:: end print()
local i = 0 repeat i = i + 1 if i == 2 then goto cont end io.write(i, " ") ::cont:: until i >= 4 print()
case "out of nested loops"
for i = 1, 3 do for j = 1, 3 do if i * j == 4 then goto done end io.write(i * j, " ") end end ::done:: print()
case "fresh locals each time"
local fs = {}
do local i = 1 ::again:: local x = i * 10 fs[i] = function() x = x + 1 return x end i = i + 1 if i <= 3 then goto again end end
print(fs[1](), fs[1](), fs[2](), fs[3]())
case "same name in nested blocks"
do goto l1 ::l1:: do goto l2 ::l2:: end ::l3:: end
do ::a:: end do ::a:: end
do local function f() goto x ::x:: return 1 end print(f()) end
case "end of block label after local"
do goto fin local x ::fin:: end
do if true then goto fin end local y = 1 ::fin:: ; end print "ok"
case "errors"
local function bad(s) print((select(2, load(s, "=g")))) end
bad "goto nope"
bad "do ::l:: end goto l"
bad "::a:: ::a::"
bad "goto f; local x; ::f:: print(x)"
bad "local function f() goto out end ::out::"
bad "::a:: do ::a:: end"
bad "repeat if x then goto cont end; local y; ::cont:: until y"
bad "goto = 1"
case "state machine"
local function machine(s)
  local pos, out = 0, {}
  ::start:: pos = pos + 1
  do local c = s:sub(pos, pos)
    if c == "a" then goto isa elseif c == "b" then goto isb elseif c == "" then goto fin else goto start end end
  ::isa:: out[#out + 1] = "A" goto start
  ::isb:: out[#out + 1] = "B" goto start
  ::fin:: return table.concat(out)
end
print(machine "abxab")
