-- what: deep recursion in coroutines is not limited by their native stacks, and ends with PUC's messages
-- jit: coroutines>=3 errors=0
local yield, resume, wrap, create = coroutine.yield, coroutine.resume, coroutine.wrap, coroutine.create
local function down(n) if n == 0 then return yield("bottom") end return 1 + down(n - 1) end
local function sum(n) local s = 0 for i = 1, n do s = s + i end return s end
for i = 1, 50 do local f = wrap(function() return down(10) end) f() assert(f(i) == 10 + i) end
for _, depth in ipairs { 100, 3000, 20000, 100000 } do
  local co = create(down) print(resume(co, depth)) collectgarbage() print(resume(co, 5), coroutine.status(co))
end
local function endless(n) return 1 + endless(n + 1) end
for i = 1, 2 do local ok, m = resume(create(function() sum(100) return endless(0) end)) print(ok, (m:gsub("^.-:%d+: ", ""):gsub("%(.*", ""):gsub("\n.*", ""))) end
for i = 1, 2 do local ok, m = wrap(function() for j = 1, 50 do sum(j) end return pcall(endless, 0) end)() print(ok, (m:gsub("^.-:%d+: ", ""):gsub("%(.*", ""):gsub("\n.*", ""))) end
-- deep recursion, and natives at the bottom
local function sorted(n) if n == 0 then local t = { 5, 2, 8, 1 } table.sort(t, function(a, b) return a < b end) return table.concat(t, " ") end local r = sorted(n - 1) return r end
print(wrap(function() for i = 1, 50 do sorted(3) end return sorted(30000) end)())
print(wrap(function() local s = ("a"):rep(1000) for i = 1, 50 do s:find("a") end return #s:gsub("%w", function(c) return c .. c end), load("return " .. ("("):rep(150) .. "1" .. (")"):rep(150))() end)())
-- many levels of pcall, each with compiled frames
local function guarded(n) if n == 0 then return yield(1) end local ok, v = pcall(guarded, n - 1) return v end
for i = 1, 20 do local f = wrap(guarded) f(20) assert(f("x") == "x") end
local f = wrap(guarded) print(f(150)) print(f("top"))
print((select(2, wrap(function() return pcall(string.rep, "x", -1) end)())) == "")
