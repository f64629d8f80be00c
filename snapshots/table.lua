-- Tables: constructors, fields, elements, length.
local function point(x, y)
  return { x = x, y = y }
end

local function shift(p, by)
  p.x = p.x + by
  p.z = p.y
end

local function list(a, b)
  local t = { a, b, 3 }
  t[#t + 1] = a
  return t[2]
end

local function swap(t, i, j)
  t[i], t[j] = t[j], t[i]
end

local letters = { "a", "b", "c" }
for i = 1, 12 do
  shift(point(i, i), 1)
  list(i, i + 1)
  swap(letters, 1, 3)
end
