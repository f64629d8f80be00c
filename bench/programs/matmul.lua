-- group: numeric
-- Multiplication of square matrices held as tables of rows.
local function matrix(n, seed)
  local m = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = ((i * seed + j * 7) % 19 - 9) / 4 end
    m[i] = row
  end
  return m
end

local function transpose(m, n)
  local t = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = m[j][i] end
    t[i] = row
  end
  return t
end

local function multiply(a, b, n)
  local c, bt = {}, transpose(b, n)
  for i = 1, n do
    local ai, ci = a[i], {}
    for j = 1, n do
      local bj, sum = bt[j], 0.0
      for k = 1, n do sum = sum + ai[k] * bj[k] end
      ci[j] = sum
    end
    c[i] = ci
  end
  return c
end

local n = 220
local a, b = matrix(n, 3), matrix(n, 5)
local sum = 0
for _ = 1, 12 do
  local c = multiply(a, b, n)
  for i = 1, n do sum = sum + c[i][i] end
  b = matrix(n, 11)
end
print(string.format("%.6f", sum))
