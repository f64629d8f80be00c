-- what: coroutines: resume, yield, status, wrap, errors, nesting
local function case(t) print("== " .. t) end
case "values in both directions"
local co = coroutine.create(function(a, b) print("start", a, b) local c = coroutine.yield(a + b) print("got", c) local d, e = coroutine.yield(c * 2) print("got", d, e) return "end", d, e end)
print(coroutine.resume(co, 1, 2)) print(coroutine.status(co)) print(coroutine.resume(co, 10)) print(coroutine.resume(co, "x", "y")) print(coroutine.status(co)) print(coroutine.resume(co))
case "wrap"
local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(g(), g(), g(), g()) print(pcall(g)) local w = coroutine.wrap(function() error "in wrap" end) print(pcall(w)) local w = coroutine.wrap(function() error({ code = 1 }) end) local ok, e = pcall(w) print(ok, type(e), e.code)
case "status"
local outer, inner outer = coroutine.create(function() inner = coroutine.create(function() print(coroutine.status(outer), coroutine.status(inner)) end) coroutine.resume(inner) print(coroutine.status(inner)) end) print(coroutine.status(outer)) coroutine.resume(outer) print(coroutine.status(outer))
case "running and isyieldable"
print(select(2, coroutine.running()), coroutine.isyieldable()) coroutine.wrap(function() print(select(2, coroutine.running()), coroutine.isyieldable()) end)()
case "generators"
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end) end for i, s in gen(4) do io.write(i, ":", s, " ") end print()
local function tree(t) if t then tree(t.l) coroutine.yield(t.v) tree(t.r) end end local t = { v = 4, l = { v = 2, l = { v = 1 }, r = { v = 3 } }, r = { v = 5 } } for v in coroutine.wrap(function() tree(t) end) do io.write(v, " ") end print()
case "permutations"
local function permgen(a, n) n = n or #a if n <= 1 then coroutine.yield(a) else for i = 1, n do a[n], a[i] = a[i], a[n] permgen(a, n - 1) a[n], a[i] = a[i], a[n] end end end for p in coroutine.wrap(function() permgen { 1, 2, 3 } end) do io.write(table.concat(p), " ") end print()
case "yield across pcall, metamethods, iterators"
local co = coroutine.wrap(function() local ok, v = pcall(function() local x = coroutine.yield "in pcall" error("after " .. x, 0) end) coroutine.yield(ok, v) local t = setmetatable({}, { __add = function(a, b) return coroutine.yield "in add" end, __index = function(_, k) return coroutine.yield("idx " .. k) end, __lt = function() return coroutine.yield "lt" end, __concat = function() return coroutine.yield "cat" end, __call = function(_, x) return coroutine.yield("call " .. x) end, __eq = function() return coroutine.yield "eq" end, __len = function() return coroutine.yield "len" end, __newindex = function(_, k, v) coroutine.yield("new " .. k) end })
  print("add", t + 1) print("idx", t.foo) print("lt", t < 1) print("cat", t .. "x") print("call", t(5)) print("eq", t == setmetatable({}, getmetatable(t))) print("len", #t) t.z = 1 for i in function(_, c) return coroutine.yield("iter") end do print("i", i) break end
  print(xpcall(function() coroutine.yield "in xpcall" error("E", 0) end, function(m) return "handled " .. m end)) print(select("#", table.unpack { coroutine.yield "last" })) return "fin" end)
print(co()) for i = 1, 13 do print(co(i)) end
case "yield outside"
print(pcall(coroutine.yield, 1)) print(coroutine.isyieldable())
case "resume errors"
local co = coroutine.create(function() error "plain" end) print(coroutine.resume(co)) print(coroutine.resume(co)) print(coroutine.status(co)) print(coroutine.resume(coroutine.running())) local co co = coroutine.create(function() return coroutine.resume(co) end) print(coroutine.resume(co)) print(pcall(coroutine.resume, 5)) print(pcall(coroutine.create, 5)) print(pcall(coroutine.wrap)) print(pcall(coroutine.status, {}))
case "across a C call"
print(coroutine.resume(coroutine.create(function() table.sort({ 1, 2, 3 }, function(a, b) coroutine.yield() return a < b end) end))) print(coroutine.resume(coroutine.create(function() return (("x"):gsub("x", function() coroutine.yield() end)) end)))
case "close"
local co = coroutine.create(function() coroutine.yield() end) print(coroutine.close(co), coroutine.status(co)) coroutine.resume(co) print(coroutine.close(co)) local co = coroutine.create(error) coroutine.resume(co, "x") print(coroutine.close(co)) print(pcall(coroutine.close, coroutine.running()))
case "many values"
local co = coroutine.wrap(function(...) local n = select("#", ...) while true do n = select("#", coroutine.yield(n)) end end) local t = {} for i = 1, 200 do t[i] = i end print(co(table.unpack(t)), co(), co(nil, nil), co(table.unpack(t, 1, 100)))
case "many coroutines"
local cos = {} for i = 1, 1000 do cos[i] = coroutine.wrap(function() local s = i while true do s = s + coroutine.yield(s) end end) end local s = 0 for r = 1, 3 do for i = 1, 1000 do s = s + cos[i](1) end end print(s)
case "deep recursion inside"
print(coroutine.wrap(function() local function d(n) if n == 0 then return 0 end return 1 + d(n - 1) end return d(10000) end)())
case "recursive resume"
local function nest(n) if n == 0 then return 0 end return 1 + coroutine.wrap(nest)(n - 1) end print(nest(100)) print(select(2, pcall(nest, 300)):match "C stack overflow$")
