-- The most frequent words of standard input or of files.
-- usage: wordfreq.lua [file ...]
local counts, total = {}, 0

local function count(line)
  for word in line:lower():gmatch "%a+" do
    counts[word] = (counts[word] or 0) + 1
    total = total + 1
  end
end

if #arg == 0 then
  for line in io.lines() do count(line) end
else
  for _, name in ipairs(arg) do
    for line in io.lines(name) do count(line) end
  end
end

local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)
print(total .. " words, " .. #words .. " different")
for i = 1, math.min(20, #words) do
  print(("%6d  %s"):format(counts[words[i]], words[i]))
end
