-- what: __close and __pairs methods that recurse run out of C levels, and a __gc that cannot be called is a warning
print("== close")
local function close() local x <close> = setmetatable({}, { __close = close }) end
print(pcall(close))
local depth = 0
local function nested(n)
  local x <close> = setmetatable({}, { __close = function() depth = depth + 1 if n > 0 then nested(n - 1) end end })
end
print(pcall(nested, 100), depth)
print("== pairs")
local function iterate() for _ in pairs(setmetatable({}, { __pairs = iterate })) do end end
print(pcall(iterate))
local mt = {}
mt.__pairs = function(t) return pairs(t) end
print(pcall(pairs, setmetatable({}, mt)))
for i = 1, 300 do
  for k, v in pairs(setmetatable({}, { __pairs = function() return next, { i } end })) do depth = v end
  do local x <close> = setmetatable({}, { __close = function() end }) end
end
print(depth)
print("== gc")
warn("@on")
setmetatable({}, { __gc = true })
collectgarbage()
