-- what: debug.sethook: order and contents of call, return, line and count events
-- (A program that names these functions stays in the interpreter.)
local log, names = {}, {}
local function note(event, line)
  local i = debug.getinfo(2, "nSlt")
  log[#log + 1] = ("%s %s %s %s%s"):format(event, line, i.name, i.what, i.istailcall and " tail" or "")
end
local function show(title, mask, f, count)
  print("== " .. title)
  log = {}
  debug.sethook(note, mask, count)
  local ok, e = pcall(f)
  debug.sethook()
  for _, l in ipairs(log) do print(l) end
  print(ok)
end
local function callee(a) return a end
local function tail(a) return callee(a) end
local function varargs(...) local a, b = ... return a, b end
local closing = setmetatable({}, { __close = function() end })
show("calls", "cr", function() callee(1) tail(2) varargs(1, 2) math.abs(1) string.gsub("x", "x", callee) end)
show("lines", "l", function()
  local a = 1
  local b = a
    + a
  if a == b then
    a = 2
  elseif b == 2 then a = 3
  else
    a = 4
  end
  for i = 1, 2 do
    a = a + i
  end
  while a < 9 do
    a = a + 1
    if a == 8 then
      break
    end
  end
  repeat a = a - 1
  until a < 6
  for k, v in pairs { 1 } do
    a = v
  end
  local t = {
    x = function() return a end,
    y = 2,
  }
  t.x()
  goto done
  a = 7
  ::done::
end)
show("closing", "crl", function() local x <close> = closing
  do local y <close> = closing
  end
  return 1
end)
show("coroutines", "cr", function() local co = coroutine.wrap(function(a) local b = coroutine.yield(a) return b end) co(1) co(2) end)
show("protected calls", "cr", function() pcall(callee) pcall(error, "x") xpcall(callee, print) xpcall(error, function() end) end)
show("metamethods", "c", function() local o = setmetatable({}, { __index = callee, __add = tail }) return o.x, o + 1 end)
print "== errors in hooks"
print(pcall(function() debug.sethook(function(e) debug.sethook() error("hook " .. e, 0) end, "l")
  local x end))
print(pcall(function() debug.sethook(function(e) debug.sethook() error("in " .. e) end, "r") callee() end))
print "== counts" for _, n in ipairs { 1, 2, 100 } do local hits = 0 debug.sethook(function() hits = hits + 1 end, "", n) for i = 1, 1000 do end debug.sethook() print(n, hits >= 1000 // n and hits < 1030 // n + 3) end
print "== transferred values" do
  local on
  debug.sethook(function(event)
    if not on then return end
    local i, t = debug.getinfo(2, "r"), {}
    for n = i.ftransfer, i.ftransfer + i.ntransfer - 1 do t[#t + 1] = tostring(select(2, debug.getlocal(2, n))) end
    log = event .. ": " .. table.concat(t, " ") names[#names + 1] = log
  end, "cr")
  on = true math.max(3, 4) on = false on = true select(2, 10, 20, 30) on = false on = true varargs(5, 6, 7) on = false
  debug.sethook() for _, n in ipairs(names) do print(n) end
end
print "== sethook, gethook" print(debug.gethook()) debug.sethook(print, "l", 5) local h, m, c = debug.gethook() debug.sethook() print(h == print, m, c)
local co = coroutine.create(callee) debug.sethook(co, print, "cr") print(debug.gethook(co) == print, select(2, debug.gethook(co))) print(debug.gethook())
print(pcall(debug.sethook, 1)) print(pcall(debug.sethook, print)) print(pcall(debug.sethook, print, 1, "x")) debug.sethook() print(pcall(debug.sethook, {}, "l")) print(getmetatable(debug.getregistry()._HOOKKEY).__mode)
