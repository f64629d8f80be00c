-- Places n queens on a board so that none attacks another; prints the first solution and how many there are.
-- usage: queens.lua [n]
local n = tonumber(arg and arg[1]) or 10

local function solve(n, found)
  local columns, up, down, rows = {}, {}, {}, {}
  local function place(row)
    if row > n then return found(rows) end
    for c = 1, n do
      if not (columns[c] or up[row + c] or down[row - c]) then
        rows[row] = c
        columns[c], up[row + c], down[row - c] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c] = nil, nil, nil
      end
    end
  end
  place(1)
end

local count = 0
solve(n, function(rows)
  count = count + 1
  if count == 1 then
    for _, c in ipairs(rows) do print((". "):rep(c - 1) .. "Q " .. (". "):rep(n - c)) end
  end
end)
print(count .. " solutions")
