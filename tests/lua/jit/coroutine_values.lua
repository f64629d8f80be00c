-- what: values that go between coroutines whose frames are compiled: none, one, several, hundreds, both ways
-- jit: coroutines>=5 errors=0
local yield, resume, wrap, create = coroutine.yield, coroutine.resume, coroutine.wrap, coroutine.create
local function count(n) return wrap(function() for i = 1, n do yield(i) end end) end
local function total(n) local s = 0 for v in count(n) do s = s + v end return s end
print(total(10), total(1000), total(3000))
local co = create(function(...)
  local n, sum = select("#", ...), 0
  while true do
    local a, b, c, d, e = yield(n, sum, sum * 2, sum * 3, n + sum)
    sum = sum + a + b + c + d + (e or 0)
    n = n + 1
  end
end)
print(resume(co, 1, 2, 3))
local last for i = 1, 500 do last = { resume(co, i, i + 1, i + 2, i + 3, i % 2 == 0 and i or nil) } end
print(table.unpack(last))
local none = wrap(function() local n = 0 while true do local x = yield() n = n + (x == nil and 1 or 0) if n == 400 then return "done", n end end end)
local r, k for i = 1, 401 do r, k = none() assert(i == 401 or r == nil) end print(r, k)
local many = wrap(function(...) local args = { ... } while true do args = { yield(table.unpack(args)) } args[#args + 1] = #args end end)
local t = { many(1, 2) } for i = 1, 300 do t = { many(table.unpack(t)) } end print(#t, t[1], t[2], t[3], t[#t])
print(select("#", many(table.unpack(t, 1, 263))), select("#", many(table.unpack(t, 1, 264))), select("#", many(table.unpack(t, 1, 265))))
local widths = create(function() local n = 0 while true do n = (n + 1) % 270 local w = {} for i = 1, n do w[i] = i end yield(table.unpack(w)) end end)
local seen = 0 for i = 1, 600 do seen = seen + select("#", resume(widths)) end print(seen)
-- producers, filters and consumers in a chain
local function gen(n) return wrap(function() for i = 2, n do yield(i) end end) end
local function filter(p, g) return wrap(function() for n in g do if n % p ~= 0 then yield(n) end end end) end
local g, primes = gen(600), {} while true do local n = g() if n == nil then break end primes[#primes + 1] = n g = filter(n, g) if #primes > 60 then break end end
print(#primes, primes[#primes])
-- recursion in the generator
local function permgen(a, n) n = n or #a if n <= 1 then yield(a) else for i = 1, n do a[n], a[i] = a[i], a[n] permgen(a, n - 1) a[n], a[i] = a[i], a[n] end end end
local c = 0 for p in wrap(function() permgen { 1, 2, 3, 4, 5, 6 } end) do c = (c * 7 + p[1] * 3 + p[6]) % 1000003 end print(c)
local function walk(t) if t then walk(t[1]) yield(t[2]) walk(t[3]) end end
local function tree(a, b) if a <= b then local m = (a + b) // 2 return { tree(a, m - 1), m, tree(m + 1, b) } end end
for round = 1, 20 do local want = 1 for k in wrap(function() walk(tree(1, 100)) end) do assert(k == want) want = want + 1 end assert(want == 101) end
-- the ring
local ring = {} for i = 1, 50 do ring[i] = create(function(x) while true do x = yield((x * 3 + i) % 1000003) end end) end
local x = 1 for _ = 1, 100 do for i = 1, 50 do local _ _, x = resume(ring[i], x) end end print(x)
-- floats and booleans that are unboxed across a yield
local f = wrap(function() local a, b, n = 0.5, true, 7 for i = 1, 1000 do a = a * 1.001 + i n = (n * 31 + i) % 65537 b = not b yield(a, b, n) end return "end" end)
local fa, fb, fn for i = 1, 1000 do fa, fb, fn = f() end print(("%.6f"):format(fa), fb, fn, f())
print(coroutine.isyieldable(), wrap(function() local y for i = 1, 300 do y = coroutine.isyieldable() end return y, coroutine.running() ~= nil end)())
print(coroutine.status(co), coroutine.status(create(print)), pcall(none))
