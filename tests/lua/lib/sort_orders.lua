-- what: table.sort by functions that only compare their arguments, and by ones that look like it
local function show(t) for i = 1, #t do t[i] = tostring(t[i]) end print(table.concat(t, " ")) end
local function up(a, b) return a < b end
local function down(a, b) return a > b end
local lists = { { 3, 1, 2 }, { 3.5, -1.25, 2.0, 1e300, -math.huge }, { "b", "a", "ab", "", "B" }, { 3, 1.5, 2 }, { 0.0, -0.0, 1.5, -2.5 }, { 1 }, {},
  { math.maxinteger, math.mininteger, 0, 1 << 50, 5 } }
for _, l in ipairs(lists) do
  for _, f in ipairs { up, down } do
    local t = table.move(l, 1, #l, 1, {})
    table.sort(t, f)
    show(t)
  end
end
local t = {}
for i = 1, 500 do t[i] = i * 7919 % 503 end
table.sort(t, down)
for i = 2, 500 do assert(t[i - 1] >= t[i]) end
table.sort(t, up)
for i = 2, 500 do assert(t[i - 1] <= t[i]) end
print(pcall(table.sort, { 1, "x", 2 }, down))
print(pcall(table.sort, { {}, {} }, up))
print(pcall(table.sort, { 3, 1, 2, 5, 4 }, function(a, b) return true end))
local function with(order) local l = { 5, 3, 9, 1, 7, 2 } table.sort(l, order) show(l) end
with(function(a, b) return not (a > b) and a ~= b end)
with(function(a, b) return b < a end)
with(function(a, b) return b > a end)
with(function(a, b, c) return a < b end)
with(function(a, b, ...) return a < b end)
with(function(a, b) local c = a return c < b end)
with(function(a, b) return a < b or nil end)
with(function(a, b) return a < 4 and b >= 4 or (a < 4) == (b < 4) and a < b end)
local N = { __lt = function(a, b) return a.v < b.v end }
local objects = {}
for i = 1, 9 do objects[i] = setmetatable({ v = i * 5 % 11 }, N) end
table.sort(objects, down)
for i = 1, 9 do objects[i] = objects[i].v end
show(objects)
local proxy = setmetatable({}, { __index = function(_, i) return ({ 4, 2, 6 })[i] end, __newindex = function(_, i, v) print("set", i, v) end, __len = function() return 3 end })
table.sort(proxy, down)
