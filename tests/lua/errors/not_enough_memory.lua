-- what: the memory limit raises an error that can be caught
-- oracle: no
-- options: --memory-limit=64M
-- timeout: 30
-- skip: *-gc
local ok, e = pcall(function() local t = {} for i = 1, 1e8 do t[i] = { i, i } end end)
print(ok, e) local ok, e = pcall(function() local s = "x" while true do s = s .. s end end) print(ok, e)
local s = {} for i = 1, 1000 do s[i] = i end print(#s, "goes on")
