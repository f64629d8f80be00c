-- what: loops in functions with variables to be closed: the loops are compiled, the interpreter closes
-- jit: osr>=1
local log = {}
local function closer(name) return setmetatable({ name = name }, { __close = function(o, e) log[#log + 1] = o.name .. "/" .. tostring(e) end }) end
local function show() print(table.concat(log, " ")) log = {} end
local function sum(n)
  local r <close> = closer("sum")
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end
for i = 1, 4 do io.write(sum(3000), " ") end
show()
local function several(n)
  local a <close> = closer("a")
  local s = 0
  for i = 1, n do s = s + i end
  local b <close> = closer("b")
  for i = 1, n do s = s + #b.name end
  do
    local c <close> = closer("c")
    local i = 0
    while i < n do i = i + 1 s = s + #a.name end
  end
  return s, n, select("#", table.unpack({}, 1, 3))
end
print(several(3000)) show()
local function all(...) return ... end
local function open(n)
  local a <close> = closer("open")
  for i = 1, n do if i == n - 5 then return all(i, i + 1, log[1]) end end
end
print(open(3000)) show()
local function none(n) local a <close> = closer("none") for i = 1, n do if i == n then return end end end
print(none(3000)) show()
local function fails(n)
  local a <close> = closer("fails")
  for i = 1, n do if i == n - 1 then error("stop " .. i, 0) end end
end
print(pcall(fails, 3000)) show()
local function inner(n)
  local a <close> = closer("outer")
  local s = 0
  for i = 1, 5 do
    local b <close> = closer(i)
    for j = 1, n do if j > 2990 and i == 4 then break end s = s + j end
  end
  return s
end
print(inner(3000)) show()
local function each(n)
  local s = 0
  for i = 1, n do
    local v <close> = i % 1000 == 0 and closer(i) or nil
    s = s + i
    if i == n then goto done end
  end
  ::done::
  return s
end
print(each(3000)) show()
local function generic(n)
  local s = 0
  for k in (function(_, i) i = (i or 0) + 1 if i <= n then return i end end), nil, nil, closer("generic") do s = s + k end
  return s
end
print(generic(3000)) show()
local co = coroutine.wrap(function(n) local a <close> = closer("co") for i = 1, n do if i % 1000 == 0 then coroutine.yield(i) end end return "end" end)
print(co(3000), co(), co(), co()) show()
