-- group: oop
-- Tables whose accesses are functions: proxies, default values, lazy values, records that log what is written.
local function proxy(t)
  return setmetatable({}, {
    __index = function(_, k) return t[k] end,
    __newindex = function(_, k, v) t[k] = v end,
  })
end
local counter = proxy({ n = 0, step = 2 })
for i = 1, 4000000 do counter.n = counter.n + counter.step end

local defaults = { color = 7, size = 3 }
local window = setmetatable({ x = 1 }, { __index = function(_, k) return defaults[k] end })
local sum = 0
for i = 1, 6000000 do sum = sum + window.color + window.size + window.x end

local squares = { __index = function(t, k) local v = k * k; rawset(t, k, v); return v end }
for round = 1, 1500 do
  local lazy = setmetatable({}, squares)
  for pass = 1, 3 do
    for i = 1, 1000 do sum = sum + lazy[i] % 7 end
  end
end

local writes = 0
local logged = { __newindex = function(t, k, v) writes = writes + 1; rawset(t, k, v) end }
for i = 1, 600000 do
  local record = setmetatable({}, logged)
  record.id = i
  record.kind = "x"
  record.id = 3
  sum = sum + record.id
end
print(counter.n, sum, writes)
