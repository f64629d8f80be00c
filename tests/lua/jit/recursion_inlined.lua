-- what: recursive functions built into themselves: results, leaving in the middle, errors and tracebacks
-- jit: compiled>=1
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
for i = 1, 12 do fib(i) end
print(fib(20), fib(20.0), fib(1), fib(0.5))
-- The type changes deep in the recursion: floats, then strings that are numbers, then errors.
local function sum(n, f) if n == 0 then return f(n) end return sum(n - 1, f) + n end
for i = 1, 60 do sum(20, function() return 0 end) end
print(sum(20, function() return 0 end), sum(20, function() return 0.5 end), sum(20, function() return "3" end), sum(20, function() return 1 << 62 end))
print(pcall(sum, 7, function() return {} end))
print(pcall(sum, 7, function() error("here") end))
print(pcall(sum, 7, function() error({}, 2) end) == false, select(2, pcall(sum, 7, function() error("two up", 2) end)))
-- Levels of a traceback are those of the calls.
local text
sum(9, function() text = debug.traceback("at the end", 1) return 0 end)
print(select(2, text:gsub("in upvalue 'sum'", "")) + select(2, text:gsub("in function <", "")), (text:match("^[^\n]*")))
-- Mutual recursion, several results, tail calls.
local odd
local function even(n) if n == 0 then return true, "even" end return odd(n - 1) end
function odd(n) if n == 0 then return false, "odd" end return even(n - 1) end
for i = 1, 60 do even(i) end
print(even(1000), even(1001), (odd(7)))
local function hanoi(n, a, b, c) if n == 0 then return 0 end return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a) end
print(hanoi(10, "a", "b", "c"))
local function tak(x, y, z) if y >= x then return z end return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) end
print(tak(12, 8, 4), tak(12.5, 8, 4), pcall(tak, 12, 8, nil))
-- Another function takes the name's place in the middle.
local function count(n) if n == 0 then return 0 end return 1 + count(n - 1) end
for i = 1, 50 do count(30) end
local old = count
count = function(n) return n < 3 and old(n) or 1000 + old(n - 1) end
print(count(10), count(2))
-- Lists built on the way back; a collection may happen at each level.
local function build(n) if n == 0 then return nil end return { value = n, next = build(n - 1) } end
local total = 0
for i = 1, 60 do local l = build(12) while l do total = total + l.value l = l.next end end
print(total)
local function tree(d) if d == 0 then return {} end return { tree(d - 1), tree(d - 1) } end
local function nodes(t) if not t[1] then return 1 end return 1 + nodes(t[1]) + nodes(t[2]) end
for d = 1, 8 do total = total + nodes(tree(d)) end
print(total)
-- Deeper than the stack.
local function deep(n) return 1 + deep(n + 1) end
local ok, message = pcall(deep, 1)
print(ok, (message:match("stack overflow")))
