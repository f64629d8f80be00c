-- what: metatables of numbers, nil and functions
debug.setmetatable(5, { __index = function(n, k) return n .. k end }) print((5).x, (2.5)["y"]) debug.setmetatable(5, nil)
debug.setmetatable(nil, { __index = function(_, k) return "nil." .. k end }) print((nil).foo) debug.setmetatable(nil, nil)
debug.setmetatable(print, { __index = { name = "fn" }, __concat = function(a, b) return "cat" end }) print(print.name, (function() end).name, print .. "x", "x" .. print) debug.setmetatable(print, nil)
debug.setmetatable(true, { __add = function(a, b) return tostring(a) .. "+" .. tostring(b) end, __len = function() return 7 end }) print(true + 1, 1 + false, #true) debug.setmetatable(true, nil) print(pcall(function() return true + 1 end))
debug.setmetatable(1, { __call = function(n, x) return n * x end }) print((5)(6)) debug.setmetatable(1, nil)
