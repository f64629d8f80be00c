-- what: __call, __tostring, __name, __metatable, setmetatable checks
local function case(t) print("== " .. t) end
case "__call"
local f = setmetatable({}, { __call = function(self, ...) return select("#", ...), ... end }) print(f(), f(1), f(nil, nil)) print(pcall(f, "a", "b")) print(f { 1 } == 1, (f "s"))
local g = setmetatable({}, { __call = f }) print(g(1) == 2) print(select("#", g(1, 2)))
print(pcall(setmetatable({}, { __call = 5 }))) print(pcall(function() local t = {} t() end)) print(pcall(function() local t = { x = {} } t.x() end))
case "__tostring"
print(tostring(setmetatable({}, { __tostring = function() return "custom" end })), setmetatable({}, { __tostring = function() return "p" end })) print(pcall(tostring, setmetatable({}, { __tostring = function() return 1 end }))) print(string.format("%s|%10s", setmetatable({}, { __tostring = function() return "x" end }), setmetatable({}, { __tostring = function() return "y" end })))
case "__name"
print((tostring(setmetatable({}, { __name = "My.Type" })):gsub("0x%x+", "PTR")), pcall(function() return setmetatable({}, { __name = "My.Type" }) + 1 end)) print(pcall(function() return #setmetatable({}, { __name = 5 }) < {} end)) print(pcall(string.rep, setmetatable({}, { __name = "My.Type" })))
case "__metatable"
local p = setmetatable({}, { __metatable = "locked" }) print(getmetatable(p), pcall(setmetatable, p, {})) print(getmetatable "x".__index == string, getmetatable(5), getmetatable(nil))
case "setmetatable"
print(pcall(setmetatable, 5, {})) print(pcall(setmetatable, {}, 5)) print(pcall(setmetatable, {})) local t = {} print(setmetatable(t, nil) == t, getmetatable(t)) print(pcall(getmetatable))
case "changing a metatable between uses"
local mt = { __index = function() return 1 end } local t = setmetatable({}, mt) print(t.x) mt.__index = function() return 2 end print(t.x) mt.__index = { x = 3 } print(t.x) mt.__index = nil print(t.x) setmetatable(t, { __index = { x = 4 } }) print(t.x) setmetatable(t, nil) print(t.x)
case "__gc is called"
do local done = false setmetatable({}, { __gc = function() done = true end }) collectgarbage() collectgarbage() print(done) end
case "__mode"
local w = setmetatable({}, { __mode = "k" }) w[{}] = 1 local keep = {} w[keep] = 2 collectgarbage() local n = 0 for _ in pairs(w) do n = n + 1 end print(n)
local w = setmetatable({}, { __mode = "v" }) w[1] = {} w[2] = "str" w[3] = keep w[4] = 1 << 60 collectgarbage() print(w[1], w[2], w[3] == keep, w[4])
local e = setmetatable({}, { __mode = "k" }) do local k = {} e[k] = { k } end collectgarbage() print(next(e))
