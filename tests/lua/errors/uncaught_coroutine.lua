-- what: an error inside a wrapped coroutine reaches the top level
-- exit: 1
local w = coroutine.wrap(function() local t = nil t.x = 1 end)
w()
