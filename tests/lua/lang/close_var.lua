-- what: to-be-closed variables: order, errors, returns, coroutines
local function case(t) print("== " .. t) end
local function C(name, f) return setmetatable({}, { __close = function(_, e) print("close " .. name, e) if f then f(e) end end }) end
case "order"
do local a <close> = C "a" local b <close> = C "b" print "body" end
case "nil and false"
do local a <close> = nil local b <close> = false print "ok" end
case "return values survive"
local function f() local a <close> = C "a" return 1, 2, 3 end print(f())
local function g() local a <close> = C("a", function() return 99 end) return (function() return "x" end)() end print(g())
case "break, goto, loops"
for i = 1, 2 do local a <close> = C("loop" .. i) if i == 2 then break end end
do local i = 0 ::top:: local a <close> = C("g" .. i) i = i + 1 if i < 3 then goto top end end
while true do local x <close> = C "w" break end
repeat local y <close> = C "r" local done = true until done
case "errors"
print(pcall(function() local a <close> = C "a" error("oops", 0) end))
print(pcall(function() local a <close> = C("a", function(e) error("in close " .. tostring(e), 0) end) error("first", 0) end))
print(pcall(function() local a <close> = C("a", function(e) error("second", 0) end) local b <close> = C("b", function() error("first", 0) end) end))
print(pcall(function() local a <close> = C "a" local b <close> = C("b", function() error("x", 0) end) return 1 end))
case "not closable"
print(pcall(function() local x <close> = 42 end)) print(pcall(function() local y <close> = {} end)) print(pcall(function() local a <close> = C "a" local z <close> = "s" end))
case "metamethod removed later"
print(pcall(function() local mt = { __close = function() end } local q <close> = setmetatable({}, mt) mt.__close = nil end))
case "coroutines"
local co = coroutine.wrap(function() local a <close> = C "co" coroutine.yield(1) return 2 end) print(co()) print(co())
local co = coroutine.create(function() local a <close> = C "killed" coroutine.yield(1) end) print(coroutine.resume(co)) print(coroutine.close(co), coroutine.status(co))
local co = coroutine.create(function() local a <close> = C("bad", function() error("e", 0) end) coroutine.yield(1) end) coroutine.resume(co) print(coroutine.close(co))
local co = coroutine.wrap(function() local a <close> = setmetatable({}, { __close = function() coroutine.yield "in close" print "after" end }) return "ret" end) print(co()) print(co())
case "tail position is no tail call"
local function t() local a <close> = C "a" return print "called" end t()
case "captured"
local keep do local a <close> = setmetatable({ v = 1 }, { __close = function(s) s.v = 2 end }) keep = function() return a.v end end print(keep())
case "nested functions"
local function outer() local a <close> = C "outer" local function inner() local b <close> = C "inner" error("deep", 0) end inner() end print(pcall(outer))
