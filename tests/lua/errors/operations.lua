-- what: messages of failing operations name the variable as PUC does
local function case(t) print("== " .. t) end
local function e(f, ...) print(select(2, pcall(f, ...))) end
local up, upt = nil, {}
case "call"
e(function() local l; l() end) e(function() up() end) e(function() glob() end) e(function() upt.field() end) e(function() upt[1]() end) e(function() upt["x y"]() end) e(function() local t = {} t.a.b() end) e(function() (1)() end) e(function() ("x")() end) e(function() upt:meth() end) e(function() local t = { f = 5 } t.f() end) e(function() upt[upt]() end) e(function() local k = "key" upt[k]() end) e(function() (function() end)()() end) e(function(a) a() end, 5) e(function(...) (...)() end, true)
case "index"
e(function() local l; return l.x end) e(function() return up.x end) e(function() return glob.x end) e(function() return upt.a.b end) e(function() return upt[1][2] end) e(function() return upt["x y"].z end) e(function() local k = "kk" return upt[k].z end) e(function() local k = 7 return upt[k].z end) e(function() return (5).x end) e(function() return (nil)[1] end) e(function() return (true).x.y end) e(function() local l; return l[1] end) e(function() local l, k = nil, {} return l[k] end) e(function() local l; return l["a b"] end) e(function() return glob[1] end) e(function() return upt.x.y.z end) e(function(a) return a.b.c end, { b = 1 }) e(function() return print.x end)
case "assign"
e(function() local l; l.x = 1 end) e(function() up.x = 1 end) e(function() glob.x = 1 end) e(function() upt.a.b = 1 end) e(function() upt[1][2] = 3 end) e(function() local l; l[1] = 2 end) e(function() local l, k; l[k] = 2 end) e(function() upt[nil] = 1 end) e(function() local k = 0 / 0 upt[k] = 1 end) e(function() print.x = 1 end)
case "arithmetic"
e(function() local l; return l + 1 end) e(function() return up + 1 end) e(function() return 1 + up end) e(function() return glob * 2 end) e(function() return upt.x - 1 end) e(function() return 1 - upt.x end) e(function() return upt[1] / 2 end) e(function() return -upt end) e(function() return -upt.x end) e(function() local a, b = 1, {} return a + b end) e(function() local a, b = {}, nil return a ^ b end) e(function() local s = "abc" return s + 1 end) e(function() return "abc" + 1 end) e(function() return 2 ^ {} end) e(function() return {} // 1 end) e(function() return 10 % nil end) e(function(a) return a.x.y * 2 end, { x = {} }) e(function() local a = "x" return a * a end) e(function() return print + 1 end) e(function() local a <const> = nil return a + 1 end)
case "division by zero"
e(function() return 1 // 0 end) e(function() return 1 % 0 end) e(function() local z = 0 return 5 // z end) e(function() local z = 0 return 5 % z end) e(function() return math.mininteger // 0 end)
case "bits"
e(function() return 1.5 | 1 end) e(function() local f = 1.5 return f & 1 end) e(function() return up | 1 end) e(function() return upt.x ~ 1 end) e(function() return ~upt end) e(function() return "a" << 1 end) e(function() return 1 << 2^64 end) e(function() return 1e100 | 0 end) e(function() local t = { x = 0.5 } return 1 | t.x end)
case "concat"
e(function() return "a" .. up end) e(function() return up .. "a" end) e(function() return upt.x .. "a" end) e(function() return "a" .. {} end) e(function() return "a" .. "b" .. up .. "c" end) e(function() return 1 .. true end) e(function() local l; return "x" .. l end) e(function() return glob .. "" end)
case "compare"
e(function() return 1 < "1" end) e(function() return {} < {} end) e(function() return nil < 1 end) e(function() return up > 1 end) e(function() return 1 >= {} end) e(function() return "a" <= 1 end) e(function() return print < print end) e(function() return true < 1 end) e(function() local a, b = 1, "x" if a < b then end end)
case "length"
e(function() return #up end) e(function() return #5 end) e(function() return #upt.x end) e(function() local l = true return #l end) e(function() return #glob end)
case "for"
e(function() for i = 1, "x" do end end) e(function() for i = "a", 1 do end end) e(function() for i = 1, 2, {} do end end) e(function() for i = 1, 10, 0 do end end) e(function() for i = 1.5, 10, 0 do end end) e(function() for i in 5 do end end) e(function() for i in up do end end) e(function() for i in upt.x do end end) e(function() for k, v in {} do end end)
case "upvalues and nested functions"
e(function() local x; return (function() return x.y end)() end) e(function() local t = {} return (function() return t.a.b end)() end) e(function() local f; (function() f() end)() end)
