-- group: calls
-- pcall and xpcall around small functions, some of which fail; gsub with functions.
local function check(x) if x % 100 == 0 then error("bad") end return x end
local sum, failed = 0, 0
for i = 1, 5000000 do
  local ok, v = pcall(check, i)
  if ok then sum = sum + v else failed = failed + 1 end
end
local function handler(e) return "handled: " .. tostring(e) end
local function work(i) if i % 50 == 0 then error("x", 0) end return i, i + 1 end
for i = 1, 2000000 do
  local ok, v, w = xpcall(work, handler, i)
  if ok then sum = sum + w - v else failed = failed + #v end
end
local text = string.rep("the quick brown fox jumps over the lazy dog ", 2000)
for i = 1, 30 do
  local r, n = text:gsub("%w+", function(w) sum = sum + #w; return #w > 3 and w:upper() end)
  sum = sum + #r + n
end
print(sum, failed)
