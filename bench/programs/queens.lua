-- group: numeric
-- Solutions of the n-queens puzzle.
local function place(row, n, columns, up, down)
  if row > n then return 1 end
  local found = 0
  for c = 1, n do
    local u, d = row + c, row - c + n
    if not columns[c] and not up[u] and not down[d] then
      columns[c], up[u], down[d] = true, true, true
      found = found + place(row + 1, n, columns, up, down)
      columns[c], up[u], down[d] = false, false, false
    end
  end
  return found
end

local function queens(n)
  local columns, up, down = {}, {}, {}
  for i = 1, n do columns[i] = false end
  for i = 1, 2 * n do up[i], down[i] = false, false end
  return place(1, n, columns, up, down)
end

print(queens(8), queens(9), queens(10), queens(11), queens(12), queens(13))
