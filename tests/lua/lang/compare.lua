-- what: order and equality between integers, floats, strings and other types
local function case(t) print("== " .. t) end
case "int and float edges"
local vals = { math.mininteger, -2^63, -1, -0.5, -0.0, 0, 0.5, 1, 1.0, 2^53, (1 << 53) + 1, math.maxinteger, 2^63, 1/0, -1/0, 0/0 }
for i = 1, #vals do
  local row = {}
  for j = 1, #vals do
    local a, b = vals[i], vals[j]
    row[#row + 1] = (a < b and "<" or "-") .. (a <= b and "l" or "-") .. (a == b and "=" or "-") .. (a > b and ">" or "-")
  end
  print(table.concat(row, " "))
end
case "strings"
print("a" < "b", "a" < "B", "" < "a", "a" <= "a", "a\0b" < "a\0c", "a\0" > "a", "Z" < "a", "10" < "9")
print("a" == "a", "a" == "A", ("x"):rep(100) == ("x"):rep(100), "" == "")
case "different types are not equal"
print(1 == "1", nil == false, 0 == false, "" == nil, print == "print", {} == {})
case "errors"
local function lt(a, b) return a < b end
local function le(a, b) return a <= b end
print(pcall(lt, 1, "2"))
print(pcall(lt, {}, {}))
print(pcall(le, nil, 1))
print(pcall(lt, "a", 1))
print(pcall(le, print, print))
print(pcall(lt, true, false))
print(pcall(lt, {}, 1))
