-- what: the generic for: iterators, state, closing value, errors
local function case(t) print("== " .. t) end
case "stateless"
local function iter(s, c) if c < s then return c + 1, c * c end end
for i, v in iter, 4, 0 do io.write(i, "=", v, " ") end print()
case "closures"
local function range(n) local i = 0 return function() i = i + 1 if i <= n then return i end end end
local s = 0 for i in range(5) do s = s + i end print(s)
case "more values than variables and fewer"
for a in function(s, c) if not c then return 1, 2, 3 end end do print(a) end
for a, b, c, d in function(s, c) if not c then return 1, 2 end end do print(a, b, c, d) end
case "ipairs stops at nil"
for i, v in ipairs { 1, 2, nil, 4 } do io.write(i, " ") end print()
for i, v in ipairs(setmetatable({}, { __index = function(_, i) if i <= 3 then return i * 10 end end })) do io.write(i, "=", v, " ") end print()
case "pairs order of the array part and assignment during traversal"
local t = { 10, 20, 30 } for k, v in pairs(t) do t[k] = v + 1 end print(t[1], t[2], t[3])
local t = { a = 1, b = 2, c = 3 } for k in pairs(t) do t[k] = nil end print(next(t))
case "__pairs"
local p = setmetatable({}, { __pairs = function(t) return function(_, k) k = (k or 0) + 1 if k <= 3 then return k, k * 2 end end, t, nil end })
for k, v in pairs(p) do io.write(k, "=", v, " ") end print()
case "__call as iterator"
local it = setmetatable({}, { __call = function(self, s, c) c = (c or 0) + 1 if c <= 3 then return c end end })
for i in it do io.write(i, " ") end print()
case "closing value"
local function closing(n, name)
  local c = setmetatable({}, { __close = function(_, e) print("closed", name, e) end })
  return function(_, i) if i < n then return i + 1 end end, nil, 0, c
end
for i in closing(3, "end") do io.write(i, " ") end
for i in closing(3, "break") do if i == 2 then break end end
print(pcall(function() for i in closing(3, "error") do error "stop" end end))
local function ret() for i in closing(3, "return") do return i end end print(ret())
for i in closing(3, "goto") do if i == 2 then goto out end end ::out::
case "errors"
print(pcall(function() for i in nil do end end))
print(pcall(function() for i in 5 do end end))
print(pcall(function() local t = {} for i in t.x do end end))
print(pcall(function() for i in pairs(nil) do end end))
print(pcall(function() for i in ipairs() do end end))
print(pcall(function() for i in next, {}, nil, 5 do end end))
print(pcall(next, {}, "nokey"))
