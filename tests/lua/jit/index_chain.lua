-- what: __index chains that change while code that relied on them is hot
local base = { f = 1 } local mid = setmetatable({}, { __index = base }) local obj = setmetatable({}, { __index = mid })
local function get(o) return o.f end
local function run(o) local r for i = 1, 100 do r = get(o) end return r end
print(run(obj)) base.f = 2 print(run(obj)) mid.f = 3 print(run(obj)) mid.f = nil print(run(obj)) obj.f = 4 print(run(obj)) obj.f = nil print(run(obj)) base.f = nil print(run(obj)) base.f = "s" print(run(obj))
getmetatable(mid).__index = function(_, k) return "fn " .. k end print(run(obj)) getmetatable(mid).__index = { f = "new base" } print(run(obj)) setmetatable(mid, nil) print(run(obj)) setmetatable(obj, { __index = { f = 9 } }) print(run(obj)) setmetatable(obj, nil) print(run(obj))
local changed = setmetatable({}, { __index = base }) base.f = 0 local s = 0 for i = 1, 1000 do s = s + changed.f if i % 100 == 0 then base.f = base.f + 1 end if i == 500 then changed.f = 1000 end if i == 700 then changed.f = nil end end print(s)
local mt = {} local t = setmetatable({}, mt) local r = {} for i = 1, 400 do if i == 100 then mt.__index = { k = 1 } elseif i == 200 then mt.__index = function() return 2 end elseif i == 300 then mt.__index = nil end r[t.k or 0] = (r[t.k or 0] or 0) + 1 end print(r[0], r[1], r[2])
