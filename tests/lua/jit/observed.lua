-- what: a program that computes the names of debug functions: from the first call on it sees the locals of hot functions
local function hot(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
local total = 0
for i = 1, 500 do total = total + hot(i) end
local get, set, hook = debug["get" .. "local"], debug["set" .. "local"], debug["set" .. "hook"]
local function look(level, i) return get(level + 1, i) end
look(1, 1)
local function outer(a, b)
  local c = a + b
  local name, value = look(1, 3)
  set(1, 1, -a)
  return a, c, name, value
end
for i = 1, 500 do
  local a, c, name, value = outer(i, 1)
  assert(a == -i and c == i + 1 and name == "c" and value == c)
end
print(outer(7, 8))
local lines = 0
local function counted() hook(function() lines = lines + 1 end, "l") local x = 1
  for i = 1, 200 do
    x = x + 1
  end
  hook() return x
end
for i = 1, 3 do print(counted()) end
print(lines > 1000, total)
