-- what: runaway recursion is a catchable error
local function case(t) print("== " .. t) end
case "plain"
local function r(n) return 1 + r(n + 1) end local ok, e = pcall(r, 1) print(ok, (e:gsub("\n.*", "")))
case "message"
local function inf() local x = inf() return x end local ok, e = pcall(inf) print(ok, e:match "stack overflow" ~= nil, e:sub(1, 40))
case "mutual and methods"
local o = {} function o:a() return self:b() + 1 end function o:b() return self:a() + 1 end print(select(2, pcall(o.a, o)):match "stack overflow")
case "through metamethods"
local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. "x"] end local ok, e = pcall(function() return t.a end) print(ok, e:match "overflow")
local t = setmetatable({}, {}) getmetatable(t).__add = function(a, b) return a + b end print(select(2, pcall(function() return t + 1 end)):match "overflow") local t = setmetatable({}, { __tostring = function(s) return tostring(s) end }) print(select(2, pcall(tostring, t)):match "overflow")
case "through pcall"
local function p() return pcall(p) end local all = table.pack(p()) print(all[1], all.n > 100, all[all.n - 1], tostring(all[all.n]):match "overflow") local depth = 0 local function q() depth = depth + 1 local ok, e = pcall(q) return ok end print(q(), depth > 100)
case "string.gsub and sort callbacks"
local function g(s) return (s:gsub(".", g)) end print(select(2, pcall(g, "a")):match "overflow") local function srt() table.sort({ 1, 2 }, function(a, b) srt() return a < b end) end print(select(2, pcall(srt)):match "overflow")
case "usable afterwards"
local function fact(n) return n <= 1 and 1 or n * fact(n - 1) end print(fact(20), select("#", table.unpack({}, 1, 100))) print(pcall(r, 1)) print(fact(10))
case "in a coroutine"
print(coroutine.resume(coroutine.create(function() local function d(n) return 1 + d(n) end local ok, e = pcall(d, 1) return ok, e:match "stack overflow" end)))
case "too many results"
print(pcall(table.unpack, {}, 1, 1e7)) print(pcall(string.rep, "x", 1 << 40)) print(pcall(function() return select("#", table.unpack({}, 1, 1000000)) end)) print(pcall(string.byte, ("x"):rep(100), 1, -1) == true)
