-- what: methods of strings, string.byte and string.sub, type and comparisons of its result, in compiled loops
-- jit: compiled>=5
local s = "hello, world"
print("== bytes")
local function sum(t)
  local n = 0
  for i = 1, #t do n = n * 31 % 65521 + t:byte(i) end
  return n
end
for i = 1, 50 do sum(s) end
print(sum(s), sum(""), sum("\0\255"), pcall(sum, 12), pcall(sum, nil))
local function last(t) return t:byte(-1), t:byte(), string.byte(t, 2) end
for i = 1, 300 do last(s) end
print(last(s)) print(last("ab")) print(last("a")) print(last("")) print(("x"):byte(5))
print(select("#", last("")), select("#", ("abc"):byte(10)))
local function at(t, i) return t:byte(i) end
for i = 1, 300 do at(s, i % 12 + 1) end
print(at(s, 0), at(s, 13), at(s, -12), at(s, -13), at(s, 1), pcall(at, s, 1.5), at(s, 2.0), at(s, "3"), pcall(at, 42, 1))
print("== sub")
local function cut(t, i, j) return t:sub(i, j) end
for i = 1, 300 do cut(s, i % 7, i % 5 + 4) end
for _, a in ipairs { 1, 3, 12, 13, 0, -1, -3, -12, -13, -100, math.mininteger, math.maxinteger } do
  local line = {}
  for _, b in ipairs { 1, 3, 12, 13, 0, -1, -3, -12, -13, -100, math.mininteger, math.maxinteger } do line[#line + 1] = "[" .. cut(s, a, b) .. "]" end
  print(a, table.concat(line))
end
local function rest(t, i) return t:sub(i) end
for i = 1, 300 do rest(s, i % 12) end
print(rest(s, 8), rest(s, -3), rest(s, 1) == s, pcall(rest, s), pcall(rest, s, {}))
print("== other kinds of receivers")
local function upper(x) return x:upper() end
for i = 1, 300 do upper(s) end
print(upper(s), pcall(upper, nil), pcall(upper, true))
print(upper(setmetatable({}, { __index = { upper = function() return "table" end } })), upper("a"), pcall(upper, 5))
print("== the library changes")
local function shout(x) return x:shout() end
function string.shout(x) return x:upper() .. "!" end
for i = 1, 300 do shout(s) end
print(shout(s))
function string.shout(x) return x .. "?" end
print(shout(s))
string.shout = nil
print(pcall(shout, s))
local function first(x) return x:byte(1) end
for i = 1, 300 do first(s) end
local meta = getmetatable("")
local index = meta.__index
meta.__index = { byte = function() return "other" end }
print(first(s))
meta.__index = function(_, k) return function() return k end end
print(first(s))
meta.__index = index
print(first(s))
debug.setmetatable("", { __index = { byte = function() return "third" end } })
print(first(s))
debug.setmetatable("", meta)
print(first(s))
print("== type")
local function kind(x)
  local k = type(x)
  if k == "number" then return 1 elseif k == "string" then return 2 elseif k == "table" then return 3
  elseif k == "function" then return 4 elseif k == "nil" then return 5 elseif k == "boolean" then return 6
  elseif k == "thread" then return 7 elseif k == "userdata" then return 8 end
end
local values = { 1, 1.5, 1 << 60, "s", {}, print, function() end, true, false, coroutine.create(print), io.stdout }
local n = 0
for i = 1, 400 do n = n * 9 % 1000003 + kind(values[i % #values + 1]) + kind(nil) end
print(n, pcall(type), type(nil), type(2 ^ 53))
local function name(x) return type(x) end
for i = 1, 300 do name(values[i % #values + 1]) end
print(name(nil), name(1 << 62), name(print), name("x" .. n))
