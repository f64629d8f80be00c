-- what: more coroutines with compiled frames than there may be native stacks
-- jit: coroutines>=1000 errors=0
-- skip: *-gc
local yield, resume, create = coroutine.yield, coroutine.resume, coroutine.create
local function body(k) local s = 0 for i = 1, 1000 do s = s + yield(s + k) end return s end
local all, n = {}, 20000
for k = 1, n do local co = create(body) all[k] = co resume(co, k) resume(co, 1) end
local s = 0 for round = 1, 3 do for k = 1, n do local _, v = resume(all[k], round) s = s + v end end
print(s, coroutine.status(all[1]), coroutine.status(all[n]))
for k = 1, n, 2 do assert(coroutine.close(all[k])) all[k] = nil end
for k = 2, n, 2 do local ok, v = resume(all[k], 1) assert(ok and v == k + 8, v) end
all = nil collectgarbage()
local again = 0 for k = 1, n do local co = create(body) resume(co, k) for i = 1, 4 do local _, v = resume(co, 1) again = again + v end end print(again)
