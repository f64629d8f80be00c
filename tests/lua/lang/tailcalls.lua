-- what: proper tail calls do not grow the stack
local function case(t) print("== " .. t) end
case "self"
local function loop(n) if n == 0 then return "done" end return loop(n - 1) end print(loop(300000))
case "mutual"
local even, odd function even(n) if n == 0 then return true end return odd(n - 1) end function odd(n) if n == 0 then return false end return even(n - 1) end
print(even(200001))
case "through varargs"
local function v(n, ...) if n == 0 then return ... end return v(n - 1, ...) end print(v(100000, 1, nil, 3))
case "changing argument counts"
local function a(n, ...) if n == 0 then return select("#", ...) end if n % 2 == 0 then return a(n - 1, 1, 2, 3) end return a(n - 1) end print(a(50001))
case "through __call"
local o = setmetatable({}, { __call = function(self, n) if n == 0 then return "ok" end return self(n - 1) end }) print(o(100000))
case "methods"
local obj = { down = function(self, n) if n == 0 then return n end return self:down(n - 1) end } print(obj:down(100000))
case "results are passed on"
local function r3() return 1, 2, 3 end local function t() return r3() end print(t()) print((t()))
case "not tail calls"
local function nt(n) if n == 0 then return 0 end return (nt(n - 1)) end print(nt(1000)) local function nt2(n) if n == 0 then return 0 end return 1 + nt2(n - 1) end print(nt2(1000))
case "to natives"
print((function(...) return select("#", ...) end)(1, 2)) print((function() return pcall(error, "x") end)()) print((function() return tostring(12) end)())
case "traceback shows them"
local function thrower() error "boom" end local function mid() return thrower() end
print((select(2, xpcall(function() mid() end, function(m) return (debug.traceback(m):gsub("\n.*xpcall.*", "")) end))))
