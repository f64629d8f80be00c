-- group: strings
-- JSON: encode a document, decode it, and again.
local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }
local unescapes = { n = "\n", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function encode(value, out)
  local kind = type(value)
  if kind == "table" then
    if #value > 0 or next(value) == nil then
      out[#out + 1] = "["
      for i, v in ipairs(value) do
        if i > 1 then out[#out + 1] = "," end
        encode(v, out)
      end
      out[#out + 1] = "]"
    else
      local keys = {}
      for k in pairs(value) do keys[#keys + 1] = k end
      table.sort(keys)
      out[#out + 1] = "{"
      for i, k in ipairs(keys) do
        if i > 1 then out[#out + 1] = "," end
        encode(k, out)
        out[#out + 1] = ":"
        encode(value[k], out)
      end
      out[#out + 1] = "}"
    end
  elseif kind == "string" then
    out[#out + 1] = '"' .. value:gsub('[%c"\\]', escapes) .. '"'
  elseif kind == "number" then
    out[#out + 1] = string.format("%.14g", value)
  else
    out[#out + 1] = tostring(value)
  end
end

local decode_value

local function skip(s, i)
  return (s:find("[^ \t\r\n]", i))
end

local function decode_string(s, i)
  local parts = {}
  while true do
    local stop = s:find('["\\]', i)
    parts[#parts + 1] = s:sub(i, stop - 1)
    if s:byte(stop) == 34 then return table.concat(parts), stop + 1 end
    parts[#parts + 1] = unescapes[s:sub(stop + 1, stop + 1)]
    i = stop + 2
  end
end

local function decode_array(s, i)
  local result = {}
  i = skip(s, i)
  if s:byte(i) == 93 then return result, i + 1 end
  while true do
    local v
    v, i = decode_value(s, i)
    result[#result + 1] = v
    i = skip(s, i)
    if s:byte(i) == 93 then return result, i + 1 end
    i = i + 1
  end
end

local function decode_object(s, i)
  local result = {}
  i = skip(s, i)
  if s:byte(i) == 125 then return result, i + 1 end
  while true do
    local k, v
    k, i = decode_string(s, skip(s, i) + 1)
    i = skip(s, i) + 1
    v, i = decode_value(s, i)
    result[k] = v
    i = skip(s, i)
    if s:byte(i) == 125 then return result, i + 1 end
    i = i + 1
  end
end

function decode_value(s, i)
  i = skip(s, i)
  local c = s:byte(i)
  if c == 123 then return decode_object(s, i + 1) end
  if c == 91 then return decode_array(s, i + 1) end
  if c == 34 then return decode_string(s, i + 1) end
  if c == 116 then return true, i + 4 end
  if c == 102 then return false, i + 5 end
  local text = s:match("^-?[%d.eE+-]+", i)
  return tonumber(text), i + #text
end

local document = { users = {}, title = 'A "quoted" title\n', version = 3 }
for i = 1, 300 do
  document.users[i] = { id = i, name = "user " .. i, admin = i % 7 == 0, score = i * 1.25, tags = { "a" .. i % 5, "b\t" .. i % 3 },
    address = { street = i .. " Main St", zip = 10000 + i } }
end
local text
local total = 0
for _ = 1, 200 do
  local out = {}
  encode(document, out)
  text = table.concat(out)
  document = decode_value(text, 1)
  total = total + #text + #document.users
end
print(total, text:sub(1, 70))
