-- what: the numeric for with floats
local function case(t) print("== " .. t) end
local function run(a, b, c)
  local r = {}
  for i = a, b, c do r[#r + 1] = tostring(i) if #r >= 10 then break end end
  print(#r, table.concat(r, " "))
end
case "plain"
run(1.0, 3, 1) run(1, 3, 1.0) run(1, 2, 0.25) run(2, 1, -0.5) run(0.1, 0.55, 0.1) run(1.5, 1, 1) run(0, 1, 0.3)
case "edges"
run(0.0, math.huge, math.huge) run(1.0, 0/0, 1) run(0/0, 1, 1) run(1e15, 1e15 + 2, 1) run(2.0^53, 2.0^53 + 4, 1) run(-0.0, 0, 1)
run(math.huge, math.huge, 1) run(1.0, -math.huge, -math.huge) run(1, 3, 0.999)
case "type of the variable"
for i = 1, 2 do io.write(math.type(i), " ") end for i = 1.0, 2 do io.write(math.type(i), " ") end for i = 1, 2, 1.0 do io.write(math.type(i), " ") end for i = 1, 2.0 do io.write(math.type(i), " ") end print()
