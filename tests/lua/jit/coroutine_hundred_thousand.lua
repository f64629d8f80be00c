-- what: a hundred thousand suspended coroutines in compiled functions, most of them more than there are native stacks for
-- jit: coroutines>=10000 errors=0
-- skip: *-gc *-deopt *-jit
local yield, resume, create = coroutine.yield, coroutine.resume, coroutine.create
local function body(k) local s = 0 for i = 1, 1000 do s = s + yield(s + k) end return s end
local all, n = {}, 100000
for k = 1, n do local co = create(body) all[k] = co resume(co, k) resume(co, 1) end
local s = 0 for round = 1, 2 do for k = 1, n do local _, v = resume(all[k], round) s = s + v end end
print(s, coroutine.status(all[1]), coroutine.status(all[n]))
local t = debug.traceback(all[1]) assert(t:find "in function" == nil or t) print((select(2, t:gsub("\n", "\n"))))
for k = 1, n, 7 do coroutine.close(all[k]) end print(coroutine.status(all[1]), coroutine.status(all[2]))
