-- what: the code of a collected function does not run for another one at the same address
-- jit: compiled>=50
local bodies = {
  "local x = ... local s = 0 for i = 1, %d do s = s + x * %d end return s",
  "local x = ... local t = {} for i = 1, %d do t[i] = x + i end return #t * %d",
  "local x = ... local s = '' for i = 1, %d do s = s .. x end return #s + %d",
  "local x = ... local function g(a) return a + %d end return g(x) * %d",
}
local sum, wrong = 0, 0
for i = 1, 160 do
  local n, m = 3 + i % 5, i
  local f = load(bodies[i % #bodies + 1]:format(n, m))
  for j = 1, 6 do
    local ok, r = pcall(f, j)
    if ok then sum = sum + r else wrong = wrong + 1 end
  end
  f = nil
  if i % 3 == 0 then collectgarbage() end
end
print(sum, wrong)
