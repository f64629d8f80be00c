-- what: a hot function sees new operand types one after the other
-- jit: compiled>=1 errors=0
local V = setmetatable({}, { __add = function(a, b) return "V+" .. tostring(type(b) == "table" and "V" or b) end })
local function add(a, b) return a + b end
local function run(a, b) local r for i = 1, 50 do r = add(a, b) end return r end
print(run(1, 2), run(1.5, 2), run(1, 2.5), run("10", 5), run(5, "0x10"), run(V, 1), run(V, V), run(1 << 60, 1 << 60), run(math.maxinteger, 1), run(1, 2))
print(pcall(run, {}, 1)) print(pcall(run, nil, 1)) print(run(3, 4))
local function lt(a, b) return a < b end
local function cmp(a, b) local r for i = 1, 50 do r = lt(a, b) end return r end
print(cmp(1, 2), cmp(2.5, 1), cmp(1, 1.5), cmp("a", "b"), cmp(math.maxinteger, 2^63), cmp(0/0, 1), cmp(1 << 60, 1 << 61), pcall(cmp, 1, "x")) print(cmp(5, 4))
local function cat(a, b) return a .. b end
local function rc(a, b) local r for i = 1, 50 do r = cat(a, b) end return r end
print(rc("a", "b"), rc(1, 2), rc(1.5, "x"), pcall(rc, nil, "x"))
local function len(x) return #x end local function rl(x) local r for i = 1, 50 do r = len(x) end return r end
print(rl "abc", rl { 1, 2 }, rl(setmetatable({}, { __len = function() return 77 end })), pcall(rl, 5))
local function neg(x) return -x end local function rn(x) local r for i = 1, 50 do r = neg(x) end return r end print(rn(5), rn(0), rn(0.0), rn "3", rn(math.mininteger), rn(-(1 << 47)), rn(1 << 47), pcall(rn, {}))
