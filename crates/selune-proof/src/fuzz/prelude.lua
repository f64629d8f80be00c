-- Runs random programs one after the other, each in fresh globals. `programs` is a list of sources; with
-- `programs.verbose`, what goes only into the digest is printed too.
local programs = ...
local real = { print = print, tostring = tostring, type = type, select = select, pcall = pcall, load = load, write = io.write }
local concat, flush = table.concat, io.flush
local mathtype, setmetatable, ipairs = math.type, setmetatable, ipairs

-- Text of a value without addresses and without the sign of NaN.
local function text(v)
  local t = real.type(v)
  if t == "number" then
    if v ~= v then return "nan" end
    return real.tostring(v)
  elseif t == "string" then
    return (v:gsub("%-?nan", "nan"))
  elseif t == "table" then
    local parts = { "{" }
    local n = 0
    for i = 1, 8 do
      local e = v[i]
      if e == nil then break end
      n = n + 1
      parts[#parts + 1] = real.type(e) == "table" and "table" or text(e)
    end
    for _, k in ipairs { "x", "y", "n", "extra", "k1", "code" } do
      local e = rawget(v, k)
      if e ~= nil then parts[#parts + 1] = k .. "=" .. (real.type(e) == "table" and "table" or text(e)) end
    end
    parts[#parts + 1] = "}"
    return concat(parts, " ")
  elseif t == "boolean" or t == "nil" then
    return real.tostring(v)
  end
  return t
end

local lines, digest, noted
local function line(...)
  local n = real.select("#", ...)
  local parts = {}
  for i = 1, n do parts[i] = text((real.select(i, ...))) end
  return concat(parts, "\t")
end
local function note(...)
  local s = line(...)
  if programs.verbose then real.write("note\t", s, "\n") end
  noted = noted + 1
  for i = 1, #s do digest = (digest * 31 + s:byte(i)) & 0xffffffff end
end
local function out(...)
  lines = lines + 1
  if lines > 200 then return note(...) end
  real.write(line(...), "\n")
end

local function globals()
  local env = {}
  for _, k in ipairs { "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select",
    "setmetatable", "getmetatable", "tonumber", "type", "xpcall" } do env[k] = _G[k] end
  for _, lib in ipairs { "string", "table", "math", "coroutine" } do
    local copy = {}
    for k, v in pairs(_G[lib]) do copy[k] = v end
    env[lib] = copy
  end
  env._G = env
  env.out, env.note = out, note
  env.ts = function(v)
    if v ~= v then return "nan" end
    local t = real.type(v)
    return (t == "table" or t == "function") and t or real.tostring(v)
  end
  env.handled = function(m) return real.type(m) == "string" and "H:" .. m or m end
  env.closer = function(name) return setmetatable({}, { __close = function(_, e) note("close", name, e) end }) end
  env.integers = function(t)
    local r = {}
    for _, v in ipairs(t) do if mathtype(v) == "integer" then r[#r + 1] = v end end
    return r
  end
  return env
end

for i, source in ipairs(programs) do
  lines, digest, noted = 0, 7, 0
  local f, message = real.load(source, "=p", "t", globals())
  if f then
    real.write(line(real.pcall(f)), "\n")
  else
    real.write("does not load: ", message, "\n")
  end
  real.write("@@@ ", i, " ", noted, " ", digest, "\n")
  flush()
end
