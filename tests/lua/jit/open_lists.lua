-- what: argument lists of unknown length between calls, in tail position, behind loops that were entered in the middle
-- jit: compiled>=1
local function rest(n, text)
  if n <= 0 then return text end
  for _ = 1, 3 do
    local w = 0
    while w < 2 and (("10" == "zz\0z") or w < 1) do w = w + 1 end
  end
  return rest(n - 1, ("%d|%s"):format(n, (" 7 " .. text):sub(-24)))
end
for _ = 1, 4 do print(pcall(rest, 12, "z")) end

local function id(...) return ... end
local function chain(n, ...)
  local s = 0
  for i = 1, 5 do s = s + i end
  if n == 0 then return s, ... end
  return chain(n - 1, id(s, id(n, ...)))
end
for _ = 1, 5 do print(select("#", chain(6)), chain(3, "a", nil)) end
for i = 1, 20 do
  local t = { id(i, id(i + 1, id())) }
  if i % 10 == 0 then print(#t, id(id(id(1, 2), 3), id(4, nil))) end
end
