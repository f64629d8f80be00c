-- what: global functions and variables that are reassigned under hot code
function g(x) return x + 1 end
local function run(n) local s = 0 for i = 1, n do s = g(s) end return s end
print(run(100), run(100)) function g(x) return x + 2 end print(run(100)) g = math.abs print(run(100)) g = nil print(pcall(run, 1)) g = setmetatable({}, { __call = function(_, x) return x + 5 end }) print(run(10)) g = function(x) return x end print(run(10))
counter = 0 for i = 1, 1000 do counter = counter + 1 if i == 500 then counter = counter + 0.5 end end print(counter)
local function inc() total = (total or 0) + 1 end for i = 1, 500 do inc() end print(total) total = "10" inc() print(total)
for i = 1, 300 do _G["v" .. i] = i end local s = 0 for i = 1, 300 do s = s + _G["v" .. i] end print(s, v300) local floor = math.floor for i = 1, 200 do s = s + math.floor(i / 3) + floor(1.5) end print(s) math.floor = function() return 1 end local z = 0 for i = 1, 200 do z = z + math.floor(i / 3) end print(z) math.floor = floor
local env = { y = 1 } local f = load("local s = 0 for i = 1, 200 do y = y + 1 s = s + y end return s", "c", "t", env) print(f(), f(), env.y)
