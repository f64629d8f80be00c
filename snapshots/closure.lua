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

return function()
  adder(2)(1)
  cells(2)
end
