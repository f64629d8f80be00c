-- what: errors carry the line of the failing operation, also in multi-line expressions
local function e(f, ...) print(select(2, pcall(f, ...))) end
print "== lines"
e(function()
  local x = 1
  local y = nil
  return x +
    y
end)
e(function()
  local t = {}
  t.a = 1
  t.b.c = 2
end)
e(function()
  local f = nil
  print("before",
    f(1,
      2))
end)
e(function()
  return {
    1,
    2,
    nil .. "x",
  }
end)
e(function()
  local s = "a"
    .. "b"
    .. {}
    .. "c"
end)
e(function()
  for i = 1,
    "x" do
  end
end)
e(function()
  local a = { b = {} }
  a.b
    .c
    .d = 1
end)
e(function()
  local a = 1
  if a == 1 and
     a < {} then
  end
end)
e(function()
  local t = setmetatable({}, { __index = function(t, k)
    error("in index " .. k)
  end })
  return t.foo
end)
print "== error levels"
local function lvl(n)
  error("msg", n)
end
local function outer(n)
  lvl(n)
end
e(outer, 0)
e(outer, 1)
e(outer, 2)
e(outer, 3)
e(error)
e(error, nil)
e(error, "x", 1)
e(error, { 1 } and 5)
e(function() error() end)
e(function() error(nil) end)
e(function() error("a", 50) end)
print(pcall(error, setmetatable({}, { __tostring = function() return "obj" end })))
print "== assert"
e(function() assert(false) end)
e(function() assert(nil, "message") end)
e(function() assert(false, { 1 } and 7) end)
print(assert(1, 2, 3))
e(assert)
print(pcall(assert, false, nil))
print "== load"
print(pcall(load("\n\nerror('x')", "=chunk")))
print(pcall(load("local x\n\nx()", "@file.lua")))
print(pcall(load("x.y.z = 1", "some code")))
print "== natives name themselves"
e(function() string.rep() end)
e(function() ("x"):rep({}) end)
e(function() ("x").rep(1, {}) end)
e(function() math.floor("x") end)
e(function() setmetatable(1, 2) end)
e(function() local ins = table.insert; ins(1, 2) end)
e(function() table.concat({ 1, {}, 3 }) end)
e(function() ipairs() end)
e(function() ("x"):bad() end)
e(function() io.open() end)
e(string.rep)
e(string.char, -1)
e(function() string.char(256) end)
e(function() local t = { f = string.rep } t.f() end)
e(function() local t = setmetatable({}, { __index = string.rep }) return t.x end)
e(function() local t = setmetatable({}, { __add = string.rep }) return t + 1 end)
