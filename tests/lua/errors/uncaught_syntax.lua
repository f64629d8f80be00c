-- what: a script with a syntax error
-- exit: 1
print "x"
local x = = 1
