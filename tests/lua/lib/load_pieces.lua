-- what: load asks its reader for a piece when the parser needs it, and stops at the first error; errors of the reader are seen by message handlers
local function pieces(...)
  local list, i = { ... }, 0
  return function()
    i = i + 1
    return list[i]
  end, function() return i end
end

print("== tokens that are cut")
for _, source in ipairs {
  "return 'a\\x41\\u{42}\\z  \n c\\\nd' .. [==[\nlong ]] ]=] text]==] .. \"q\"",
  "local x <const> = 0x1F + 3.5e+1 -- comment\n--[[ long\ncomment ]] return x // 1 .. '' ~= nil, ... , 1 << 2, 3 >= 2, 'x' .. 5",
  "goto done do local done = 1 end ::done:: return function(...) return ... end ~= nil",
  "x\r\n\r\n= 1\n\ry", "return --[==[ ]=] ]==] 5 -- end", "-- [[\nreturn 6 --", "return debug.getinfo(1, 'l').currentline --\r\n--\r\n, debug.getinfo(1, 'l').currentline",
  "#no", "return 'unfinished", "return [[unfinished", "x = 12z", "x = [=z", "return '\\xg'", "return '\\300'", "return 1 ..", "x = }",
} do
  local whole, message = load(source, "=c")
  local i = 0
  local cut, cut_message = load(function()
    i = i + 1
    local c = source:sub(i, i)
    return c ~= "" and c or nil
  end, "=c")
  print(message, message == cut_message, whole ~= nil and table.concat({ tostring(whole()), tostring(cut()) }, "|"))
end

print("== no more than needed")
local reader, count = pieces("x = = 1", " y", " z")
print(load(reader, "=c"))
print(count())
reader, count = pieces("return 1 ", "+ 2", "", " + never")
print(load(reader)())
print(count())
print(load(function() return "(" end, "=c") == nil)
print(pcall(load, function() return "(" end))
print(load(function() return "\27x" end, "=c"))
print(load(function() return "x" end, "=c", "b"))

print("== binary chunks in pieces")
local chunk = string.dump(load("return ...", "=c"))
local i = 0
print(load(function()
  i = i + 1
  return chunk:sub(i, i)
end)(7))
print(i == #chunk)

print("== errors of the reader")
print(pcall(load, function() error("no", 0) end))
print(xpcall(load, function(m) return "handled " .. m end, function() error("no", 0) end))
print(xpcall(load, function(m) return "handled " .. m end, function() return {} end))
print(xpcall(load, function(m) return "handled " .. m end, "x ="))
reader = pieces("x = 1 ", "y = 2 ")
local n = 0
local f, e = load(function()
  n = n + 1
  if n == 3 then error({ code = 5 }) end
  return reader()
end)
print(f, e.code, n)

print("== a reader cannot yield")
print(coroutine.wrap(function() return load(function() coroutine.yield() end) end)())
