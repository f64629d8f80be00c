-- what: the text of a reader function that never ends counts for the memory limit
-- oracle: no
-- options: --memory-limit=64M
print(load(function() return ("x = x + 1 "):rep(10000) end))
print(pcall(load, function() return ("x = x + 1 "):rep(1000) end))
print(load("return 1")())
