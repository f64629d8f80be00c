-- what: a message handler sees the stack of the error
local function deep() error "deep" end
print(select(2, xpcall(function() deep() end, function(m) local l = debug.getinfo(2, "n") return (l and l.name or "?") end)))
local level = select(2, xpcall(function() local marker = "seen" deep() end, function() for i = 2, 6 do local n, v = debug.getlocal(i, 1) if n == "marker" then return v end end return "lost" end)) print(level)
