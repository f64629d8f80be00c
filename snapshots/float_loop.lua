-- A loop over floats whose values have no box.
local function pi(n)
  local sum, sign = 0.0, 1.0
  for i = 0, n do
    sum = sum + sign / (2 * i + 1)
    sign = -sign
  end
  return 4 * sum
end

return function() pi(20) end
