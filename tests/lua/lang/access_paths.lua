-- what: What the interpreter remembers about an access must not outlive a change.
local function method(s) return s:upper() end
for _ = 1, 3 do method("a") end
print(method("abc"))
local upper = string.upper
string.upper = function(s) return "<" .. s .. ">" end
print(method("abc"))
string.upper = nil
print(pcall(method, "abc"))
string.upper = upper
local meta = getmetatable("")
meta.__index = { upper = function() return "other table" end }
print(method("abc"))
meta.__index = function(s, key) return function() return key .. " of " .. s end end
print(method("abc"))
meta.__index = string
print(method("abc"), pcall(function(s) return s:nothing() end, "x"))

-- Absent fields, fields that are nil, and their metatables.
local function get(o) return o.link end
local function set(o, v) o.link = v end
local plain, sub = { link = 1 }, setmetatable({ link = 2 }, { __index = { link = "inherited" } })
for i = 1, 4 do
  print(get(plain), get(sub))
  if i == 1 then set(plain, nil) set(sub, nil) end
  if i == 2 then getmetatable(sub).__index = function(_, key) return "called " .. key end end
  if i == 3 then getmetatable(sub).__newindex = function(_, k, v) print("new", k, v) end set(sub, 5) set(plain, 6) end
end
print(rawget(sub, "link"), rawget(plain, "link"))
local chain = setmetatable({}, { __index = setmetatable({}, { __index = { link = "far" } }) })
for _ = 1, 3 do print(get(chain)) end
getmetatable(getmetatable(chain).__index).__index.link = nil
print(get(chain))

-- Iterators: functions with more and fewer parameters, varargs, natives, and what has a __call.
local function upto(n, i, missing) if i < n then return i + 1, missing end end
local function vararg(...) local n, i = ... if i < n then return i + 1, select("#", ...) end end
local callable = setmetatable({}, { __call = function(_, n, i) if i < n then return i + 1, "called" end end })
for _, iterator in ipairs { upto, vararg, callable, function() return nil end } do
  for i, v, w in iterator, 2, 0 do print(i, v, w) end
end
for word, n, none in string.gmatch("one=1 two=2", "(%a+)=(%d)") do print(word, n, none) end
print(pcall(function() for _ in error, "message", 1 do end end))
print(select("#", (function(...) return ... end)(1, nil, nil)), (function(...) return ... end)())

-- Results that are wanted, too many, too few; open lists through natives and tail calls.
local function one() return 1 end
local function none() end
local function three() return 1, 2, 3 end
local a, b, c = one()
print(a, b, c, (none()), one(), none())
a, b, c = three(), one()
print(a, b, c, three())
print(#{ three(), three() }, #{ none(), one() }, select("#", none(), none()))
local function tail(n, ...) if n == 0 then return ... end return tail(n - 1, n, ...) end
print(tail(5, three()))
local function spread(f, ...) return f(...) end
print(spread(three, 1), spread(select, 2, "a", "b"), spread(math.max, 3, 9, 4), (spread(string.byte, "abc", 1, -1)))
print(pcall(spread, nil), pcall(spread, string.rep))

-- Numbers in loops at the edges.
local n = 0
for i = 140737488355325, 140737488355327 do n = n + 1 end
for i = -140737488355327, -140737488355328, -1 do n = n + 1 end
for i = 140737488355320, 140737488355330, 4 do n = n + 1 end
for i = 1.0, 2.0, 0.25 do n = n + 1 end
for i = -math.huge, 1, math.huge do n = n + 100 end
for i = math.huge, 1, -1 do if i == math.huge then n = n + 1000 break end end
print(n, 7 % 2, -7 % 2, 7 % -2, -7 // 2, -8 // 4, 7 // -2, -7 % 4, 5 % 8, -1 // 1, 0 // 4, 5.5 // 2, -0.0 // 2)
