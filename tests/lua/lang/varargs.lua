-- what: variable arguments: select, adjusting, passing on, in the middle
local function case(t) print("== " .. t) end
local function n(...) return select("#", ...) end
case "counts"
print(n(), n(nil), n(nil, nil), n(1, nil), n((n())), n(n(), n()))
case "adjust"
local function f(...) local a, b = ... return a, b end
print(f(), f(1), f(1, 2, 3)) print((f(1, 2)))
local function g(a, ...) return a, ... end print(g(1, 2, 3)) print(g()) print((g(1, 2)))
case "only the last expands"
print((function(...) return ..., "x" end)(1, 2, 3)) print((function(...) return "x", ... end)(1, 2, 3))
local t = { n(), f(1, 2), f(3, 4) } print(#t, table.concat(t, ","))
local t = { f(3, 4), (f(5, 6)) } print(#t, table.concat(t, ","))
case "select"
print(select(2, "a", "b", "c")) print(select(-1, "a", "b", "c")) print(select(-3, "a", "b", "c")) print(select(4, "a", "b", "c"))
print(pcall(select, 0)) print(pcall(select, -1)) print(pcall(select)) print(pcall(select, "x"))
case "table.pack and unpack"
local t = table.pack(1, nil, 3, nil) print(t.n, #t >= 1, t[3])
print(table.unpack({ 1, 2, 3 }, 2)) print(table.unpack({ 1, 2, 3 }, 2, 5)) print(table.unpack({}, 1, 2)) print(table.unpack { n = 3, 1 })
case "many"
local t = {} for i = 1, 250 do t[i] = i end
print(n(table.unpack(t)), select(250, table.unpack(t)), (select(249, table.unpack(t))))
print(n(table.unpack(t, 1, 5000)))
local function sum(...) local s = 0 for i = 1, select("#", ...) do s = s + (select(i, ...)) end return s end print(sum(table.unpack(t)))
case "recursion with varargs"
local function rev(a, ...) if a == nil then return end return rev(...) end print(rev(1, 2, 3))
local function cat(x, ...) if not x then return "" end return x .. cat(...) end print(cat("a", "b", "c"))
case "main chunk and coroutines"
print(...) print(coroutine.wrap(function(...) print(...) local a, b = coroutine.yield(...) return a, b end)(1, 2))
case "outside a vararg function"
print((select(2, load("function f() return ... end", "=v"))))
case "in methods"
local o = { m = function(self, ...) return select("#", ...), ... end } print(o:m(1, nil)) print(o:m())
case "in string calls and constructors"
print(("%d-%d"):format((function() return 1, 2 end)())) print(#{ (function() return 1, 2, 3 end)(), (function() return 1, 2, 3 end)() })
