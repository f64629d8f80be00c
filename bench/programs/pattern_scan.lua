-- group: strings
-- Patterns over a log: find, match, gmatch, gsub.
local log = {}
local levels = { "INFO", "WARN", "ERROR", "DEBUG" }
for i = 1, 4000 do
  log[i] = string.format("2024-%02d-%02d %02d:%02d:%02d [%s] user=%d path=/api/v%d/items/%d time=%dms \"%s\"", i % 12 + 1, i % 28 + 1, i % 24,
    i % 60, i * 7 % 60, levels[i % 4 + 1], i * 31 % 1000, i % 3, i, i * 13 % 500, "agent " .. i % 17)
end
local text = table.concat(log, "\n")

local total, errors, paths, words = 0, 0, 0, 0
for _ = 1, 70 do
  for line in text:gmatch("[^\n]+") do
    local y, m, d = line:match("^(%d+)-(%d+)-(%d+)")
    total = total + y + m * d
    local level, user = line:match("%[(%u+)%] user=(%d+)")
    if level == "ERROR" then errors = errors + user end
    local v, item = line:match("path=/api/v(%d+)/items/(%d+)")
    paths = paths + v * item
    if line:find("agent 1%d") then words = words + 1 end
    local ms = tonumber(line:match("time=(%d+)ms"))
    if ms > 250 then words = words + ms end
  end
end
local masked, n = text:gsub("user=%d+", "user=***")
local upper = text:gsub('"(%a+) (%d+)"', function(a, b) return a:upper() .. b end)
local trimmed = ("   " .. text .. "   "):gsub("^%s+", ""):gsub("%s+$", "")
print(total, errors, paths, words, #masked, n, #upper, #trimmed)
