-- what: arithmetic metamethods are inlined; exits, errors and changes in them; functions that end in a tail call are inlined
-- jit: compiled>=6
local mt = {}
local function vec(x, y) return setmetatable({ x, y }, mt) end
mt.__add = function(a, b) return vec(a[1] + b[1], a[2] + b[2]) end
mt.__sub = function(a, b) return vec(a[1] - b[1], a[2] - b[2]) end
mt.__mul = function(a, k)
  if type(a) == "number" then a, k = k, a end
  return vec(a[1] * k, a[2] * k)
end
mt.__unm = function(a) return vec(-a[1], -a[2]) end
mt.__mod = function(a, k) return a[1] % k, "dropped" end
mt.__idiv = function() end
mt.__band = function(a, b) return a[1] & b end
mt.__bnot = function(a) return ~a[1] end
mt.__shl = function(a, n) return a[1] << n end
local function walk(n)
  local p, d, s = vec(0, 0), vec(1, 2), 0
  for i = 1, n do
    p = p + d * 2 - vec(1, 1)
    if i % 7 == 0 then p = -p end
    s = s + p % 5 + (p & 255) + (~p) + (p << 1)
    if (p // 2) ~= nil then s = s + 1 end
  end
  return p[1], p[2], s
end
for _ = 1, 20 do walk(30) end
print(walk(1000))
local function scale(n)
  local p = vec(1, 1)
  for i = 1, n do p = 2 * p if p[1] > 1000 then p = vec(1, 1) end end
  return p[1]
end
for _ = 1, 20 do scale(30) end
print(scale(1005))

print("== types change inside")
local function total(list)
  local t = vec(0, 0)
  for i = 1, #list do t = t + list[i] end
  return t[1], t[2]
end
local list = {}
for i = 1, 200 do list[i] = vec(i, i) end
for _ = 1, 10 do total(list) end
list[150] = vec(0.5, 1 << 62)
print(total(list))
list[100] = { 1, 1 }
print(total(list))
list[120] = setmetatable({ 5, 5 }, { __add = function(a, b) return vec(7, 7) end })
print(total(list))
list[130] = "x"
print(pcall(total, list))
list[130] = vec(1, "2")
print(total(list))

print("== errors in them")
local bad = {}
bad.__add = function(a, b) return a.x + b.y end
local function sums(a, b, n)
  local s = 0
  for i = 1, n do s = s + (a + b) end
  return s
end
local good, broken = setmetatable({ x = 1, y = 2 }, bad), setmetatable({ x = 1 }, bad)
for _ = 1, 20 do sums(good, good, 20) end
print(sums(good, good, 100))
print(pcall(sums, good, broken, 3))
print(select(2, xpcall(sums, debug.traceback, good, broken, 3)):gsub("\n.*", ""))
print(pcall(sums, good, 5, 1), pcall(sums, 5, good, 1))

print("== metamethods change")
for _ = 1, 20 do sums(good, good, 20) end
bad.__add = function(a, b) return 100 end
print(sums(good, good, 10))
bad.__add = nil
print(pcall(sums, good, good, 1))
bad.__add = math.type
print(pcall(sums, good, good, 1))
debug.setmetatable(0, { __mul = function(a, b) return vec(9, 9) end })
print(scale(3))
debug.setmetatable(0, nil)
print(scale(3))

print("== deep")
-- C levels are counted as the interpreter does.
local deep = {}
local function nest(n) if n == 0 then return 0 end return setmetatable({ n = n }, deep) + 1 end
deep.__add = function(a, k) return nest(a.n - 1) + k end
for _ = 1, 40 do nest(20) end
print(nest(100), nest(150))
local ok, e = pcall(nest, 250)
print(ok, (tostring(e):gsub(".*: ", "")))
print(nest(150))
local chain = 0
local loop = setmetatable({}, { __add = function(a, k) chain = chain + 1 return k end })
for i = 1, 3000 do chain = chain + (loop + 1) end
print(chain)

print("== tail calls")
local Account = {} Account.__index = Account
local function new(b) return setmetatable({ balance = b }, Account) end
function Account:after(n) return new(self.balance + n) end
function Account:twice(n) return self:after(n):after(n) end
local acc = new(0)
for i = 1, 2000 do
  acc = acc:twice(i % 3)
  if i == 1500 then acc.balance = acc.balance + 0.5 end
end
print(acc.balance)
local function id(...) return ... end
local function pass(x) return id(x, x) end
local n = 0
for i = 1, 1000 do
  local a, b, c = pass(i)
  n = n + a + b + (c and 1 or 0) + select("#", pass(i))
end
print(n)
local function err(x) return error({ code = x }) end
local function safe(x) return err(x) end
local caught = 0
for i = 1, 300 do
  local ok, e = pcall(safe, i)
  caught = caught + e.code
end
print(caught)
