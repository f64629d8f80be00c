-- what: method definitions and calls, colon syntax, inheritance
local function case(t) print("== " .. t) end
case "classes"
local Account = {} Account.__index = Account
function Account.new(b) return setmetatable({ balance = b }, Account) end
function Account:deposit(v) self.balance = self.balance + v return self end
function Account:get() return self.balance end
local a = Account.new(10) print(a:deposit(5):deposit(6):get(), a.balance, Account.get(a))
case "inheritance"
local Special = setmetatable({}, { __index = Account }) Special.__index = Special
function Special.new(b, l) local o = Account.new(b) o.limit = l return setmetatable(o, Special) end
function Special:get() return Account.get(self) + self.limit end
local s = Special.new(1, 100) print(s:deposit(1):get(), getmetatable(s) == Special, rawget(s, "get"))
case "nested names"
local m = { a = { b = {} } } function m.a.b.f(x) return x end function m.a.b:g(x) return self == m.a.b, x end print(m.a.b.f(1), m.a.b:g(2))
case "methods on strings"
print(("x"):rep(3), ("abc"):upper():lower():len(), ("%d"):format(3)) local s = "hello" print(s:sub(2, 3), #s, s:byte(-1))
case "call forms"
local function f(t) return type(t), type(t) == "table" and t[1] or t end print(f { 1 }) print(f "str") print(f [[long]]) local o = { m = function(_, x) return x end } print(o:m "a", o:m { 1 }[1], o:m [[b]])
case "errors"
local t = {} print(pcall(function() t:nomethod() end)) print(pcall(function() t.x.y:z() end)) print(pcall(function() local n = nil n:m() end)) print(pcall(function() return ("x"):nomethod() end)) print(pcall(function() undefinedglobal:m() end)) print(pcall(function() t.a:m() end)) print(pcall(function() (1):m() end))
