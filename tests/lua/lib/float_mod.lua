-- what: % and math.fmod of floats of all sizes and signs
local numbers = { 0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.1, -0.1, 2 * math.pi, 1e15, 2.0 ^ 53, 2.0 ^ 53 - 1, -2.0 ^ 53 - 2, 2.0 ^ 32, 2.0 ^ 32 - 1, 2.0 ^ 63,
  -2.0 ^ 63, 1e300, -1e300, 1e-300, 5e-324, -5e-324, 2.0 ^ -1022, 3.3e-308, 1e308, math.huge, -math.huge, 0.3, 1e-5, 123456.789, -98765.4321, 7, -7, 1 << 40 }
local function mod(a, b) return a % b end
for _, a in ipairs(numbers) do
  local line = {}
  for _, b in ipairs(numbers) do
    if b ~= 0 or math.type(b) == "float" then
      line[#line + 1] = string.format("%.17g", mod(a, b)):gsub("^%-nan$", "nan")
      line[#line + 1] = string.format("%.17g", math.fmod(a, b)):gsub("^%-nan$", "nan")
    end
  end
  print(table.concat(line, " "))
end
local n, steps = 27, 0
while n ~= 1 do
  if n % 2 == 0 then n = n / 2 else n = 3 * n + 1 end
  steps = steps + 1
end
print(n, steps, n == 1, 1 == n, n ~= 1.5, 2.0 == 2, 1 << 53 == 2.0 ^ 53, (1 << 53) + 1 == 2.0 ^ 53)
