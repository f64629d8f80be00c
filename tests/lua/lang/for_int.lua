-- what: the numeric for with integers: bounds, steps, overflow, errors
local function case(t) print("== " .. t) end
local function run(a, b, c, limit)
  local r = {}
  for i = a, b, c do r[#r + 1] = tostring(i) if #r >= (limit or 10) then break end end
  print(#r, table.concat(r, " "))
end
case "plain"
run(1, 5, 1) run(5, 1, -1) run(1, 0, 1) run(0, 1, -1) run(1, 10, 3) run(10, 1, -4) run(3, 3, 1) run(3, 3, -1)
case "edges"
local max, min = math.maxinteger, math.mininteger
run(max - 2, max, 1) run(min + 2, min, -1) run(max - 1, max, 2) run(min, max, max) run(max, min, min) run(min, max, 1, 3)
run(1, max, max) run(-1, min, min) run(max, max, 1) run(min, min, -1) run(max - 10, max, 7)
case "float limits are clipped"
run(1, 3.7, 1) run(1, math.huge, 1, 3) run(1, -math.huge, 1) run(-1, -3.5, -1) run(1, -math.huge, -1, 3) run(1, 0/0, 1) run(max, math.huge, 1) run(1, 2^70, 1, 2) run(1, -2^70, -1, 2)
case "crossing 48 bits"
run((1 << 47) - 2, (1 << 47) + 2, 1) run(-(1 << 47) + 1, -(1 << 47) - 2, -1) run(-(1 << 47) - 1, -(1 << 47) + 1, 1)
case "the loop variable is a copy"
for i = 1, 3 do local j = i i = i * 10 io.write(j, ":", i, " ") end print()
case "bounds are evaluated once"
local n = 3 for i = 1, n do n = 10 io.write(i, " ") end print(n)
case "errors"
print(pcall(run, 1, 10, 0)) print(pcall(run, "1", 2, 1)) print(pcall(run, 1, "2", 1)) print(pcall(run, 1, 2, "1"))
print(pcall(run, nil, 2, 1)) print(pcall(run, 1, {}, 1)) print(pcall(run, 1, 2, true)) print(pcall(run, 1.0, 2, 0.0)) print(pcall(run, 1, 2.5, 0))
