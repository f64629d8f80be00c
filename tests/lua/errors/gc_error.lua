-- what: an error in a finalizer is a warning
warn "@on"
setmetatable({}, { __gc = function() error("in gc", 0) end }) collectgarbage()
print "after"
