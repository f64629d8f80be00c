-- what: how coroutines with compiled frames end: errors, close, collection, and what tracebacks show of them
-- jit: coroutines>=5
local yield, resume, wrap, create, status = coroutine.yield, coroutine.resume, coroutine.wrap, coroutine.create, coroutine.status
local function spin(n) local s = 0 for i = 1, n do s = s + i end return s end
local function failing(n) for i = 1, n do yield(spin(20)) if i == n then error("limit " .. n) end end end
local function outer(n) failing(n) return "never" end
for round = 1, 60 do
  local co = create(outer) local ok, v
  repeat ok, v = resume(co, round % 5 + 1) until status(co) == "dead"
  assert(not ok and v:find "limit")
  if round == 60 then print(ok, v) print((debug.traceback(co):gsub("%[C%]: in function 'error'", "[C]: in ?"))) print(resume(co)) print(coroutine.close(co)) print(coroutine.close(co), status(co)) end
end
for round = 1, 60 do local f = wrap(outer) local ok, v repeat ok, v = pcall(f, 2) until not ok if round == 60 then print(ok, v) print(pcall(f)) end end
-- errors of operations, objects as errors, errors in nested coroutines
for _, bad in ipairs { function(x) for i = 1, 50 do yield(i) end return x.y.z end, function(x) for i = 1, 50 do yield(i) end return x + {} end, function(x) for i = 1, 50 do yield(i) end error({ code = 7 }) end, function(x) for i = 1, 50 do yield(i) end error() end, function(x) for i = 1, 50 do yield(i) end return #x end, function(x) for i = 1, 50 do yield(i) end return x() end, function() for i = 1, 50 do yield(i) end local t = setmetatable({}, { __index = function(t, k) error("index " .. k) end }) return t.key end } do
  local last for round = 1, 8 do local co = create(bad) local ok, v repeat ok, v = resume(co, nil) until status(co) == "dead" last = type(v) == "table" and v.code or v end print(last)
end
-- suspended: traceback, close, and to-be-closed variables
local closed = 0
local function keep(n) local c <close> = setmetatable({}, { __close = function() closed = closed + 1 end }) for i = 1, n do yield(i) spin(30) end end
local function level2(n) for i = 1, n do yield(i) end end
local function level1(n) level2(n) return n end
for round = 1, 60 do
  local co = create(function(n) level1(n) return 1 end) for i = 1, 30 do resume(co, 100) end
  if round == 60 then print(debug.traceback(co)) print(debug.traceback(co, "message", 1)) local info = debug.getinfo(co, 1, "Sl") print(info.short_src, info.currentline, info.what) end
  assert(coroutine.close(co) and status(co) == "dead")
  local co = create(function() level1(20) keep(100) level1(20) end) for i = 1, 40 do resume(co) end assert(coroutine.close(co))
end
print(closed)
print(select(2, resume(create(function() local co = coroutine.running() for i = 1, 100 do spin(10) end return pcall(coroutine.close, co) end))))
-- the resumer's traceback while it waits
local main = coroutine.running()
local function shows() local t for i = 1, 60 do t = debug.traceback(main) end return (t:gsub("\n.*in main chunk.*", "")) end
local function waits() local r for i = 1, 30 do r = wrap(shows)() end return r end
print(#waits() > 0)
-- abandoned coroutines are collected, with what they hold
local held = setmetatable({}, { __mode = "v" })
local function abandon(k) local co = create(function() local big = { k } held[k] = big for i = 1, 1000 do yield(big) spin(3) end end) for i = 1, 25 do resume(co) end held[-k] = co return select(2, resume(co))[1] end
for k = 1, 200 do assert(abandon(k) == k) end
collectgarbage() collectgarbage() local left = 0 for _ in pairs(held) do left = left + 1 end print(left < 5)
-- kept ones keep what they hold
local kept = {} for k = 1, 40 do kept[k] = wrap(function() local mine, n = { k, tostring(k) }, 0 while true do local fresh = { mine, n } n = n + 1 yield(mine[1] + n, fresh[1][2]) end end) for i = 1, 20 do kept[k]() end end
local junk for round = 1, 5 do for i = 1, 2000 do junk = { i, { i } } end collectgarbage() for k = 1, 40 do local a, b = kept[k]() assert(a == k + 20 + round and b == tostring(k)) end end
print "kept"
-- a coroutine that only itself refers to, in a cycle through its native frames
local cycles = setmetatable({}, { __mode = "k" })
for k = 1, 100 do local co co = create(function() local me = co for i = 1, 100 do yield(me) end end) cycles[co] = true for i = 1, 20 do resume(co) end end
collectgarbage() collectgarbage() local n = 0 for _ in pairs(cycles) do n = n + 1 end print(n < 5)
