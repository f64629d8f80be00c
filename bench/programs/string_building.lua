-- group: strings
-- Strings put together piece by piece, in the ways people do it.
local lines = {}
for i = 1, 500000 do
  lines[#lines + 1] = "line " .. i .. ": " .. i * 2 .. "\n"
end
local text = table.concat(lines)

local html = {}
for i = 1, 160000 do
  html[#html + 1] = string.format('<li class="%s" id="item-%d">%s (%5.2f%%)</li>', i % 2 == 0 and "even" or "odd", i, "Item " .. i, i / 1600)
end
local page = "<ul>" .. table.concat(html, "\n") .. "</ul>"

local acc = ""
for i = 1, 20000 do
  acc = acc .. string.char(97 + i % 26)
end

local rep = {}
for i = 1, 20000 do rep[i] = ("ab"):rep(i % 50) .. ("-"):rep(10) end
local joined = table.concat(rep, ",")

local reversed = {}
for i = #acc, 1, -1 do reversed[#reversed + 1] = acc:sub(i, i) end
local backwards = table.concat(reversed)
local sum = 0
for i = 1, #page do sum = (sum * 33 + page:byte(i)) % 1000003 end
print(#text, #page, #acc, #joined, backwards:sub(1, 12), sum)
