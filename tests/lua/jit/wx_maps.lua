-- what: after each function that is compiled, no page of the process is writable and executable
-- jit: compiled>=20
local function check(when)
  local maps = io.open("/proc/self/maps")
  if not maps then return end
  for line in maps:lines() do
    if line:match "^%S+ %S*w%S*x" then print(when, line) end
  end
  maps:close()
end
check "start"
local sum = 0
for i = 1, 40 do
  local f = load(("local n = ... local s = %d for i = 1, n do s = s + i %% %d end return s"):format(i, i + 1))
  for _ = 1, 5 do sum = sum + f(200) end
  check(i)
end
print(sum)
