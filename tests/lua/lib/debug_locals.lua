-- what: debug.getlocal, setlocal and the upvalue functions, captured variables included
local function value(v) return (tostring(v):gsub("0x%x+", "ADDR")) end
local function dump(level, co)
  local function get(i) if co then return debug.getlocal(co, level, i) end return debug.getlocal(level + 2, i) end
  for _, step in ipairs { 1, -1 } do
    local i = step
    while true do
      local n, v = get(i)
      if not n then break end
      io.write(i, "=", n, ":", n == "(for state)" and "" or value(v), " ")
      i = i + step
    end
  end
  print()
end
print "== locals"
local function f(a, b, ...)
  local c, d = 1, 2
  local up = function() c = c + 1 return d, a end
  dump(1)
  do local e = 5 local g <const> = 7 local h <close> = nil dump(1) end
  for i = 1, 2 do local z = i dump(1) local w = function() return i, z end dump(1) end
  for k, v in pairs { 10 } do dump(1) local w = function() k = 1 return v end dump(1) end
  local x = (function(...) dump(1) dump(2) return ... end)(1, 2, nil)
  print(debug.setlocal(1, 1, "A"), debug.setlocal(1, 3, 33), debug.setlocal(1, 4, "D"), debug.setlocal(1, -1, "V1"))
  print(a, b, c, d, up()) print(...) print(debug.setlocal(1, -5, 1), debug.setlocal(1, 100, 1), debug.setlocal(1, 0, 1))
  dump(1)
  return c
end
f(10, 20, 30, nil, 40) f(1) f()
print "== assigned from outside"
local function g(x) local y = x local function h() return y end debug.setlocal(1, 2, "new") return y, h() end print(g(1))
local function g(x) local y = x local function h() y = y return y end debug.setlocal(1, 2, "new") return y, h() end print(g(1))
local function g(x) local y = x local function h() return y end debug.setupvalue(h, 1, "new") return y, h() end print(g(1))
local function g(x) local function h() return x end debug.setupvalue(h, 1, "new") return x, h() end print(g(1))
local function g(x) local function h() return function() return x end end debug.setupvalue(h(), 1, "new") return x, h()() end print(g(1))
local function g(x) local y = x local function h() debug.setlocal(2, 2, "L") return y end local r = h() return y, r end print(g(1))
print "== other threads"
local co = coroutine.create(function(a, ...) local b = a * 2 local function cap() return b end local c = coroutine.yield(b) return a, b, c, cap(), ... end)
print(coroutine.resume(co, 5, 6, 7)) dump(1, co) dump(0, co)
print(debug.setlocal(co, 1, 1, "aa"), debug.setlocal(co, 1, 2, "bb"), debug.setlocal(co, 1, -1, "vv"))
print(coroutine.resume(co, "cc")) print(pcall(debug.getlocal, co, 0, 1))
print "== parameters"
print(debug.getlocal(f, 1), debug.getlocal(f, 2), debug.getlocal(f, 3), debug.getlocal(f, -1), debug.getlocal(f, 0), debug.getlocal(print, 1))
print "== natives and temporaries"
print(debug.getlocal(0, 1)) print(debug.getlocal(0, 2)) print(debug.getlocal(0, 3))
local function temp() print(debug.getlocal(2, 3)) print(debug.getlocal(2, 4)) debug.setlocal(2, 3, 10) return 20 end
local function sum(a, b) return (a + 1) + temp() end print(sum(0, 0))
print "== upvalues"
local u1, u2, u3 = 1, 2, 3
local function up1() return u1, u2 end
local function up2() u2 = u2 + 1 return u2, u3 end
for i = 0, 4 do print(debug.getupvalue(up1, i)) print(debug.getupvalue(up2, i)) end
print(debug.upvalueid(up1, 2) == debug.upvalueid(up2, 1), debug.upvalueid(up1, 1) == debug.upvalueid(up2, 1), debug.upvalueid(up1, 9))
print(debug.setupvalue(up1, 1, "U1"), u1, debug.setupvalue(up2, 2, "U3"), u3, debug.setupvalue(up1, 7, 1))
debug.upvaluejoin(up1, 1, up2, 2) print(up1()) print(debug.upvalueid(up1, 1) == debug.upvalueid(up2, 2))
u3 = "changed" print(up1()) u1 = "separate" print(up1())
print(debug.getupvalue(print, 1), debug.getupvalue(string.gmatch("a", "b"), 1))
local stripped = load(string.dump(function() local a = 12 local function h() return a end local n, v = debug.getupvalue(h, 1) local m = debug.setupvalue(h, 1, 13) return n, v, m, a, debug.getlocal(1, 1) end, true)) print(stripped())
print "== arguments"
print(pcall(debug.upvaluejoin, up1, 3, up2, 1)) print(pcall(debug.upvaluejoin, up1, 1, up2, 3)) print(pcall(debug.upvaluejoin, print, 1, up2, 1)) print(pcall(debug.upvaluejoin, up1, 1, print, 1))
print(pcall(debug.getupvalue, 1, 1)) print(pcall(debug.setupvalue, up1, 1)) print(pcall(debug.getlocal, 1)) print(pcall(debug.getlocal, 1, "x")) print(pcall(debug.setlocal, 1, 1)) print(pcall(debug.setlocal, 99, 1, 1)) print(pcall(debug.getlocal, 99, 1)) print(pcall(debug.getlocal, co, -1, 1))
