-- what: tracebacks through compiled frames
local function leaf(n) if n > 50 then return debug.traceback("tb") end return n end
local function mid(n) local r = leaf(n) return r end
local t = { m = function(self, n) local r = mid(n) return r end }
local function top(n) local r = t:m(n) return r end
local last for i = 1, 60 do last = top(i) end
print((last:gsub("\n\t%[C%]: in %?$", "")))
local function e3() local x = nil; x() end local function e2() e3() end local function e1() e2() end
local tb for i = 1, 40 do local _, m = xpcall(e1, debug.traceback) tb = m end print((tb:gsub("\n[^\n]*in %?$", "")))
