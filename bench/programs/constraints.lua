-- group: closures
-- A graph of one-way constraints: cells with closures that recompute and propagate.
local function cell(value)
  local listeners = {}
  local self = {}
  function self.get() return value end
  function self.set(v)
    if v ~= value then
      value = v
      for i = 1, #listeners do listeners[i]() end
    end
  end
  function self.watch(f) listeners[#listeners + 1] = f end
  return self
end

local function lift(f)
  return function(a, b)
    local result = cell(f(a.get(), b.get()))
    local function update() result.set(f(a.get(), b.get())) end
    a.watch(update)
    b.watch(update)
    return result
  end
end

local add = lift(function(x, y) return x + y end)
local max = lift(function(x, y) if x > y then return x end return y end)
local mod = lift(function(x, y) return (x + 3 * y) % 1009 end)

local inputs = {}
for i = 1, 24 do inputs[i] = cell(i) end
local layer = inputs
local operators = { add, mod, max, mod, add, mod }
for d = 1, 6 do
  local nextlayer = {}
  for i = 1, #layer do
    nextlayer[i] = operators[d](layer[i], layer[i % #layer + 1])
  end
  layer = nextlayer
end

local changes = 0
for _, c in ipairs(layer) do
  c.watch(function() changes = changes + 1 end)
end
local sum = 0
for round = 1, 120000 do
  inputs[round % 24 + 1].set(round * 7 % 101)
  sum = (sum + layer[round % 24 + 1].get()) % 1000003
end
print(sum, changes)
