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

return function()
  local p = point(1, 2)
  shift(p, 1)
  list(p.x, p.y)
  swap(letters, 1, 3)
end
