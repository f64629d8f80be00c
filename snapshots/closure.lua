-- Closures: captured locals that change and that do not, closing at the end of a scope.
local function adder(n)
  return function(x) return x + n end
end

local function cells(n)
  local count = 0
  local function step() count = count + n end
  step()
  step()
  return count
end

for i = 1, 12 do
  adder(i)(1)
  cells(i)
end
