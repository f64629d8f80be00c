-- what: debug.traceback in functions, methods, coroutines and with levels
local function show(s) print((s:gsub("\n[^\n]*%[C%][^\n]*in %?$", "\n\t[C]: in ?"))) end
local function f() show(debug.traceback("msg")) end
local t = { m = f } function t.n(x) f() end
print "== functions" f() t.m() t.n(); (function() f() end)()
function globalfn() f() return 1 end local _ = globalfn()
print "== levels" local function g() show(debug.traceback("lvl", 2)) show(debug.traceback("lvl", 0)) end g() print(debug.traceback({}) ~= nil, debug.traceback(12), type(debug.traceback())) print(debug.traceback(nil))
print "== tail calls" local function tc() return debug.traceback("tail") end local function tc2() return tc() end show((tc2()))
print "== metamethods and iterators" local mt = setmetatable({}, { __index = function(_, k) return debug.traceback(k) end, __add = function() return debug.traceback("add") end }) show(mt.foo) show(mt + 1) for x in function(_, c) if not c then return debug.traceback("iter") end end do show(x) end
print "== coroutines" local co = coroutine.create(function() local x = 1 coroutine.yield() error "boom" end) show(debug.traceback(co)) coroutine.resume(co) show(debug.traceback(co)) show(debug.traceback(co, "m")) show(debug.traceback(co, nil, 1)) coroutine.resume(co) show(debug.traceback(co))
print "== deep stacks are shortened" local function deep(n) if n == 0 then return debug.traceback("deep") end local r = deep(n - 1) return r end show(deep(50))
print "== in pcall and sort" pcall(function() f() end) table.sort({ 2, 1 }, function(a, b) f() return a < b end)
