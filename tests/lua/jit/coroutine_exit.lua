-- what: os.exit in a coroutine with compiled frames closes the state
local function spin(n) local s = 0 for i = 1, n do s = s + i end return s end
local other = coroutine.wrap(function() for i = 1, 100 do spin(i) coroutine.yield(i) end end)
for i = 1, 50 do other() end
local guard <close> = setmetatable({}, { __gc = function() print "collected" end, __close = function() print "closed" end })
coroutine.wrap(function() for i = 1, 100 do spin(i) end print "exit" os.exit(0, true) end)()
