-- what: metamethods of every event in compiled code: their results, deoptimisation inside them, other objects, errors
-- jit: compiled>=1 errors=0
local function try(f, ...) print(select(2, pcall(f, ...))) end
local odd = 0
-- What a metamethod computes changes its type on the way.
local function weigh(x) if odd == 0 then return x end return x + odd end

local Base = {}
Base.__index = function(t, k) return k .. weigh(1) end
Base.__newindex = function(t, k, v) rawset(t, k, weigh(v)) end
Base.__eq = function(a, b) return weigh(a.id) == weigh(b.id) end
Base.__lt = function(a, b) return weigh(a.id) < b.id end
Base.__le = function(a, b) return weigh(a.id) <= b.id end
Base.__concat = function(a, b)
  local x = type(a) == "table" and a.id or a
  local y = type(b) == "table" and b.id or b
  return weigh(0) .. ":" .. x .. "|" .. y
end
Base.__len = function(a) return weigh(a.id) end
Base.__unm = function(a) return -weigh(a.id) end
Base.__bnot = function(a) return ~a.id end
Base.__call = function(self, a, b, ...) return weigh(self.id) + (a or 0) + (b or 0) + select("#", ...) end
local function new(id) return setmetatable({ id = id }, Base) end

local a, b, c = new(1), new(2), new(1)
local function all(i, a, b, c)
  local out = {}
  out[#out + 1] = a.missing
  out[#out + 1] = a:method() == nil and "x" or "y"
  return out
end
Base.__index = function(t, k)
  if k == "method" then return function(self) return self.id + weigh(0) end end
  return k .. weigh(1)
end
all = function(a, b, c)
  local out = { a.missing, a:method(), a == b, a == c, a ~= b, a == a, a < b, a <= c, a > b, b >= a, a .. b, a .. "s", "s" .. a, 2 .. a, #a, -a, ~a, a(), a(1), a(1, 2, 3, 4) }
  local o = new(9)
  o.fresh = 3
  out[#out + 1] = rawget(o, "fresh")
  local k = "dyn"
  o[k] = 4
  o[k] = 5
  out[#out + 1] = o[k]
  out[#out + 1] = o["no" .. k]
  o[1] = 7
  out[#out + 1] = o[1]
  out[#out + 1] = o[2]
  for i = 1, #out do out[i] = tostring(out[i]) end
  return table.concat(out, " ")
end
local last
for i = 1, 200 do last = all(a, b, c) end
print(last)
odd = 0.5
print(all(a, b, c))
for i = 1, 20 do last = all(a, b, c) end
print(last)
odd = 0

-- Other objects where these stood.
local Other = { __index = function(t, k) return k == "method" and tostring or "other " .. #k end, __tostring = function() return "it" end, __eq = function() return true end, __lt = function() return false end,
  __le = function() return nil end, __concat = function() return "cat" end, __len = function() return "len" end, __call = function(...) return select("#", ...) end,
  __unm = function() return "unm" end, __bnot = function() return "bnot" end }
local function other() return setmetatable({ id = 5 }, Other) end
print(all(other(), other(), other()))
try(all, a, {}, c)
try(all, a, 1, c)
try(all, { id = 1 }, a, a)
try(all, nil, a, a)
try(all, "str", a, a)
all = nil

-- Strings and numbers in front of an object, and not.
local function cat(x, y) return x .. y end
for i = 1, 200 do last = cat("n", a) end
print(last, cat("n", "m"), cat(1, 2), cat(a, "n"))
try(cat, "n", {})
try(cat, {}, "n")

-- Equality is only asked for two different tables.
local function eq(x, y) return x == y end
for i = 1, 200 do last = eq(a, b) end
print(last, eq(a, a), eq(a, 1), eq(a, nil), eq(a, {}), eq({}, a), eq(1, 1), eq("a", a))

-- Errors inside, and where they say they are.
local Bad = setmetatable({}, { __index = function(t, k) if k == "bad" then error("no " .. k, 2) end return k end,
  __newindex = function(t, k) error("read only: " .. k, 2) end })
local function get(o) return o.good end
for i = 1, 200 do last = get(Bad) end
print(last)
local function bad(o, k) return o[k] end
for i = 1, 200 do last = bad(Bad, "x") end
try(bad, Bad, "bad")
try(function() Bad.x = 1 end)

-- A metamethod that is removed, replaced, or no function.
local function idx(o) return o.zip end
local M = { __index = function() return 1 end }
local o = setmetatable({}, M)
for i = 1, 200 do last = idx(o) end
M.__index = function() return 2 end
print(last, idx(o))
M.__index = { zip = 3 }
print(idx(o))
M.__index = nil
print(idx(o))
rawset(o, "zip", 4)
print(idx(o))
M.__index = setmetatable({}, { __call = function(self, t, k) return "called " .. k end })
o.zip = nil
print(idx(o))

-- As deep as C levels allow.
local Deep = setmetatable({}, { __index = function(t, k) if k == 0 then return "bottom" end return t[k - 1] end })
for i = 1, 100 do last = Deep[20] end
print(last)
local ok, e = pcall(function() return Deep[300] end)
print(ok, e)
print(Deep[100])

-- Chains: a function behind a table, __index on _ENV.
local Chain = setmetatable({}, { __index = function(t, k) return rawequal(t, Chain) and k or k .. "!" end })
local obj = setmetatable({}, { __index = Chain })
local function chain(o) return o.link end
for i = 1, 200 do last = chain(obj) end
print(last)
do
  local _ENV = setmetatable({ print = print }, { __index = function(_, k) return "global " .. k end, __newindex = function(t, k, v) rawset(t, k, v + 1) end })
  local function g() return undefined end
  for i = 1, 200 do last = g() end
  print(last)
  local function s(v) value = v end
  for i = 1, 200 do s(i); value = nil end
  s(1)
  print(value)
end

-- Nothing comes back.
local None = setmetatable({}, { __index = function() end, __call = function() end, __len = function() return 1, 2 end })
local function none(o) return o.x, #o, (o()), o(1) end
for i = 1, 200 do none(None) end
print(none(None))
print(select("#", None()), select("#", (None())))
