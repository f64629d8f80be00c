-- what: os.exit with closing in a coroutine closes the main program's variables
local outer <close> = setmetatable({}, { __close = function() print "closed outer" end })
local guard <close> = setmetatable({}, { __gc = function() print "collected" end, __close = function() print "closed" end })
coroutine.wrap(function()
  local inner <close> = setmetatable({}, { __close = function() print "closed inner" end })
  print "exit"
  os.exit(0, true)
end)()
