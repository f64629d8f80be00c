-- what: an uncaught error prints message and traceback and exits with 1
-- exit: 1
print "before"
local function level2() local x = nil; return x.field end
local function level1() return (level2()) end
level1()
print "never"
