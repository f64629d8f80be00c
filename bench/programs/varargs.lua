-- group: calls
-- Functions with variable arguments: sums, forwarding, packing.
local unpack = table.unpack or unpack
local select = select

local function sum(...)
  local s = 0
  for i = 1, select("#", ...) do s = s + (select(i, ...)) end
  return s
end
local function forward(f, ...) return f(...) end
local function pack(...) return { n = select("#", ...), ... } end
local function rotate(a, ...)
  if a == nil then return end
  return ..., a
end
local function max(a, ...)
  for _, v in ipairs({ ... }) do
    if v > a then a = v end
  end
  return a
end
local function tail(n, ...)
  if n == 0 then return select("#", ...) end
  return tail(n - 1, ...)
end

local total = 0
for i = 1, 1600000 do
  total = total + sum(i, 1, 2, 3) + forward(sum, i, i)
  local p = pack(i, nil, i)
  total = total + p.n + sum(rotate(1, 2, i))
  total = total + max(i % 7, i % 11, i % 13, 5)
  if i % 10 == 0 then total = total + tail(10, unpack({ 1, 2, 3, 4, 5 })) end
end
print(string.format("%.0f", total))
