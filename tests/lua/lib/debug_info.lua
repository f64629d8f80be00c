-- what: debug.getinfo of levels and functions, and the rest of the library
local function info(...)
  local t = debug.getinfo(...)
  if not t then return print(t) end
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  for _, k in ipairs(keys) do
    local v = t[k]
    if k == "activelines" then local l = {} for x in pairs(v) do l[#l + 1] = x end table.sort(l) v = table.concat(l, ",") end
    io.write(k, "=", (tostring(v):gsub("0x%x+", "ADDR")), " ")
  end
  print()
end
local u1, u2 = 1, 2
local function f(a, b, ...)
  local x = a

  return x,
    b
end
print "== functions" info(print) info(f) info(f, "L") info(f, "SL") info(f, "f") info(math.sin, "u") info(function(...) end, "u") info(function(a, b, ...) return u1, u2 end, "u")
print "== chunks" info(load("return 1")) info(load("return 1", "=name")) info(load("return 1", "@file.lua")) info(load("\n\nlocal a = 1\nreturn function() end", "long\nname"), "SL") info(load("x = 1", ""), "S") info(load(string.dump(f), "x"), "S") info(load(string.dump(f, true)), "SLu") info(load("x = 1", "=" .. ("y"):rep(80)), "S") info(load("x = 1", "@" .. ("y"):rep(80)), "S") info(load("x = 1", ("y"):rep(80)), "S")
print "== levels" info(1) info(2, "S") info(0, "nSl") info(99) info(-1)
local function level1() info(1, "nlt") info(2, "nlt") end
local t = { field = level1 } function t:method() info(1, "nl") end
level1() t.field() t:method();(function() info(1, "nl") end)()
local function tail() return level1() end tail()
function globalname() info(1, "n") end globalname() globalname = nil
local mt = {} for _, e in ipairs { "index", "newindex", "add", "concat", "eq", "lt", "le", "unm", "len", "call", "close", "idiv" } do mt["__" .. e] = function() info(1, "n") return e end end
local o, o2 = setmetatable({}, mt), setmetatable({}, mt)
local _ = o.x, o + 1, o .. "", o == o2, o < 1, o <= 1, -o, #o, o(), o // 2 o.x = 1 do local c <close> = o end
for _ in function() info(1, "n") end do end
print "== coroutines" local co = coroutine.create(function() coroutine.yield() end) info(co, 0) coroutine.resume(co) info(co, 0, "nS") info(co, 1, "nSl") info(co, 2)
print "== finalizers" do local n setmetatable({}, { __gc = function() n = debug.getinfo(1, "n") end }) collectgarbage() collectgarbage() print(n.name, n.namewhat) end
print "== arguments" print(pcall(debug.getinfo)) print(pcall(debug.getinfo, 1, ">")) print(pcall(debug.getinfo, 1, "X")) print(pcall(debug.getinfo, "x")) print(pcall(debug.getinfo, 1, {})) print(pcall(debug.getinfo, {}, "S")) print(pcall(debug.getinfo, co))
print "== the rest" print(debug.getuservalue(1), debug.getuservalue(io.stdout), debug.getuservalue(io.stdout, 2)) print(pcall(debug.setuservalue, 1, 1)) print(pcall(debug.setuservalue, io.stdout, 1)) print(pcall(debug.setuservalue, io.stdout))
print(pcall(debug.setmetatable, 1, 1)) print(debug.setmetatable(10, { __index = function(n, k) return k .. n end }), (5).foo) debug.setmetatable(10, nil) print(pcall(debug.getmetatable)) print(debug.getmetatable("").__index == string, debug.getmetatable(1), debug.setcstacklimit(100)) print(type(debug.getregistry()))
