-- what: pcall, xpcall, error values, nesting, handlers
local function case(t) print("== " .. t) end
case "values"
print(pcall(function() return 1, nil, 3 end)) print(pcall(function() end)) print(select("#", pcall(function() return nil, nil end)))
print(pcall(error, "x")) local t = {} local ok, v = pcall(error, t) print(ok, v == t) print(pcall(error, nil)) print(pcall(error, 42)) print(pcall(error, true))
case "nested"
print(pcall(pcall, error, "x")) print(pcall(function() local ok, e = pcall(error, "inner", 0) error("outer " .. e, 0) end))
case "not callable"
print(pcall(5)) print(pcall(nil)) print(pcall({})) print(pcall(pcall)) print(pcall(setmetatable({}, { __call = function(_, a) return "called", a end }), 1))
case "xpcall"
print(xpcall(function(...) return ... end, print, 1, 2)) print(xpcall(error, function(m) return "H:" .. tostring(m) end, "msg", 0)) print(xpcall(function() local x = nil + 1 end, function(m) return m, "second" end)) print(pcall(xpcall)) print(pcall(xpcall, print)) print(xpcall(nil, function(m) return "h " .. m end))
case "error in handler"
print(xpcall(error, function(m) error("again", 0) end, "x")) print(xpcall(function() error("first", 0) end, function(m) if m == "first" then error("second", 0) end return "last " .. m end)) print(pcall(xpcall, error, nil, "x")) print(pcall(xpcall, error, 5, "x"))
case "state after an error"
local n = 0 for i = 1, 100 do local ok = pcall(function() local a = i if a % 2 == 0 then error "x" end n = n + 1 end) if not ok then n = n + 1000 end end print(n)
local r = {} for i = 1, 3 do local ok, e = pcall(function() r[#r + 1] = i error({ i }) end) r[#r + 1] = e[1] * 10 end print(table.concat(r, " "))
case "error objects with fields"
local E = setmetatable({}, { __tostring = function(e) return "E!" end }) local ok, e = pcall(error, E) print(ok, tostring(e), e == E) local ok, e = pcall(function() local ok2, e2 = pcall(error, E) error(e2) end) print(e == E)
case "through coroutines"
print(pcall(coroutine.wrap(function() error("co", 0) end))) print(coroutine.resume(coroutine.create(function() local ok, e = pcall(error, "i", 0) coroutine.yield(e) error("o", 0) end)))
case "tostring errors"
print(pcall(tostring)) print(pcall(string.format, "%d", "x")) print(pcall(setmetatable, {}, {}, 1) == true)
