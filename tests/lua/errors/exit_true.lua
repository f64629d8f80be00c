-- what: os.exit(true) and closing the state
io.write "bye\n"
local x <close> = setmetatable({}, { __close = function() io.write "closed\n" end })
os.exit(true, true)
