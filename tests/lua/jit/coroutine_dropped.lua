-- what: generators that are dropped half-way, die of errors, or are closed give their native stacks back
-- jit: coroutines>=2000
-- skip: *-gc
local yield, wrap, create, resume, close = coroutine.yield, coroutine.wrap, coroutine.create, coroutine.resume, coroutine.close
local function gen(n) return wrap(function() for i = 1, n do yield(i) end end) end
local s = 0
for k = 1, 60000 do local g = gen(100) s = s + g() + g() + g() end print(s)
local function bad(n) for i = 1, n do yield(i) end local x = nil return x.field end
for k = 1, 30000 do local co = create(bad) resume(co, 2) resume(co) local ok, e = resume(co) if not ok then s = s + #e end end print(s)
for k = 1, 30000 do local co = create(bad) resume(co, 3) resume(co) if close(co) then s = s + 1 end end print(s)
-- an abandoned one in the middle of an interpreted function that compiled code called, and in a metamethod
local mt = setmetatable({}, { __index = function(t, k) return yield(k) end })
for k = 1, 20000 do local g = wrap(function() for i = 1, 10 do s = s + (mt[i] or 0) end end) g() g(1) g(2) end print(s)
-- one that left its compiled code while its caller stays compiled
local function leaves(a, b) yield(a) return a + b end
local function caller(n, x) local r = 0 for i = 1, n do r = r + leaves(i, x) end return r end
for k = 1, 20000 do local g = wrap(caller) g(5, k % 50 == 0 and 0.5 or k) g() g() end print(s)
collectgarbage() print(collectgarbage("count") < 20000)
