-- group: strings
-- Word frequencies of a generated text.
local syllables = { "ka", "to", "mi", "ra", "ne", "so", "lu", "vi", "pe", "du" }
local seed = 99
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local text = {}
for i = 1, 60000 do
  local word = ""
  for _ = 1, random(3) do word = word .. syllables[random(#syllables)] end
  text[i] = random(10) == 1 and word:upper() or word
end
text = table.concat(text, " ")

local counts, total = {}, 0
for _ = 1, 130 do
  for word in text:gmatch("%a+") do
    word = word:lower()
    counts[word] = (counts[word] or 0) + 1
    total = total + 1
  end
end
local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)
print(total, #words)
for i = 1, 5 do print(words[i], counts[words[i]]) end
