-- what: an uncaught error object with __tostring
-- exit: 1
error(setmetatable({}, { __tostring = function() return "custom error" end }))
