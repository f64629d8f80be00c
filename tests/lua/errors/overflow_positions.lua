-- what: stack overflows are errors of the caller; one inside a message handler is an error in error handling
-- timeout: 60
local function f() return
f() + 1 end
for i = 1, 3 do print(pcall(f)) end
for i = 1, 3 do print(select(2, xpcall(f, function(m) return #debug.traceback(m) < 2000 and m end))) end
print(coroutine.wrap(function() return pcall(f) end)())
local function nested() local ok, e = pcall(f) return ok, e end
for i = 1, 3 do print(nested()) end
print "== in the handler"
local function loop(x, y, z) return 1 + loop(x, y, z) end
for i = 1, 3 do
  print(xpcall(loop, function(m) return m .. " / " .. tostring(select(2, pcall(loop))) .. " / " .. math.sin(0) end))
end
print(pcall(loop))
print "== metamethods"
local u = setmetatable({}, { __add = function(a, b) return a + b end, __index = function(t, k) return t[k + 1] end })
for i = 1, 3 do print(pcall(function() return u + 1 end)) print(pcall(function() return u[1] end)) end
