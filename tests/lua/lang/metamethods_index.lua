-- what: __index and __newindex as functions, tables and chains
local function case(t) print("== " .. t) end
case "__index function and table"
local t = setmetatable({ a = 1 }, { __index = function(t, k) return k .. "!" end }) print(t.a, t.b, t[1], rawget(t, "b"))
local base = { x = 10 } local t = setmetatable({}, { __index = base }) print(t.x, t.y) base.y = 20 print(t.y) t.x = 5 print(t.x, base.x)
case "chains"
local c3 = { deep = "deep" } local c2 = setmetatable({ mid = "mid" }, { __index = c3 }) local c1 = setmetatable({}, { __index = c2 }) local o = setmetatable({}, { __index = c1 })
print(o.deep, o.mid, o.none) c3.deep = nil print(o.deep) c1.deep = "c1" print(o.deep)
case "__newindex"
local log = {} local t = setmetatable({ a = 1 }, { __newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end }) t.a = 2 t.b = 3 t.b = 4 t[1] = 5 print(t.a, t.b, t[1], table.concat(log, ","))
local store = {} local t = setmetatable({}, { __newindex = store }) t.x = 1 print(rawget(t, "x"), store.x)
local s2 = setmetatable({}, { __newindex = store }) local t = setmetatable({}, { __newindex = s2 }) t.y = 2 print(rawget(s2, "y"), store.y)
case "a nil field consults the metatable again"
local t = setmetatable({ x = 1 }, { __index = function() return "dflt" end, __newindex = function(_, k) print("new " .. k) end }) t.x = nil print(t.x) t.x = 3 print(rawget(t, "x"))
case "proxy"
local real = { 1, 2, 3 } local p = setmetatable({}, { __index = real, __newindex = real, __len = function() return #real end }) p[4] = 4 print(#p, p[4], rawlen(p))
case "index on non-tables"
print(("abc").len == string.len, ("abc").nope, pcall(function() return (5).x end)) print(pcall(function() local n n.x = 1 end)) print(pcall(function() return (true)[1] end))
case "loops"
local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a }) print(pcall(function() return a.x end))
local n = setmetatable({}, {}) getmetatable(n).__newindex = n print(pcall(function() n.x = 1 end))
case "bad keys"
local t = {} print(pcall(function() t[nil] = 1 end)) print(pcall(function() t[0 / 0] = 1 end)) print(t[nil], t[0 / 0]) print(pcall(rawset, t, nil, 1)) print(pcall(next, t, nil))
case "keys are normalised"
local t = {} t[1.0] = "a" t[2^53] = "b" print(t[1], t[1 << 53], next(t)) t["1"] = "s" print(t[1], t["1"]) t[-0.0] = "z" print(t[0], t[-0.0])
