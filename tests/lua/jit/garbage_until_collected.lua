-- what: loops that make garbage until a finalizer runs or a weak entry goes: compiled code drops what the program drops
-- skip: interp-gc
local function finalizer()
  local finish = false
  local u = setmetatable({}, { __gc = function() finish = true end })
  local b = { 34 }
  repeat u = {} until finish
  assert(b[1] == 34)
  finish = false
  u = setmetatable({}, { __gc = function() finish = true end })
  local i = 1
  repeat i = i + 1 u = tostring(i) .. tostring(i) until finish
  finish = false
  u = setmetatable({}, { __gc = function() finish = true end })
  repeat local i u = function() return i end until finish
  return b[1]
end
for i = 1, 8 do finalizer() end
print "finalizers"
local function weak()
  local w = setmetatable({ {} }, { __mode = "v" })
  while w[1] do local t = { x = 1, y = 2 } end
  w[1] = { 1 }
  while w[1] ~= nil do local c = 0 local f = function() c = c + 1 return c end end
  return w[1]
end
for i = 1, 8 do weak() end
print "weak entries"
local function garbage() local t = { {}, {} } return 1 end
local function dropped(a, w)
  w[1] = a
  a = nil
  local n = 0
  repeat n = n + garbage() until not w[1]
  return w
end
local w = setmetatable({}, { __mode = "v" })
for i = 1, 8 do dropped({}, w) end
print "arguments"
-- The loop drops a local variable while it runs.
local function later()
  local finish = false
  local u = setmetatable({}, { __gc = function() finish = true end })
  local i = 0
  repeat
    i = i + 1
    if i == 50 then assert(u) u = nil end
    local t = { i }
  until finish
  return i >= 50
end
for i = 1, 8 do assert(later()) end
print "locals"
