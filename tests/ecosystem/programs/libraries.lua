-- Smaller libraries: JSON, MessagePack, inspect, argparse, moses, and others, each a little.
local function try(name, f) local ok, e = xpcall(f, function(m) return tostring(m):gsub("^.-([^/]+:%d+:)", "%1") end) if not ok then print(name, "failed", e) end end

try("dkjson", function()
  local json = require "dkjson"
  print(json.encode({ 1, 2.5, "x\n\u{e9}\0", { a = true, b = json.null }, {} }, { keyorder = { "a", "b" } }))
  print(json.encode({ z = { 1, { y = 2 } }, a = 1 / 3, big = 2 ^ 53, neg = -0.0, i = math.mininteger }, { indent = true, keyorder = { "a", "z", "big", "neg", "i" } }))
  local v, pos, e = json.decode('{"a":[1,2,{"b":"\\u00e9\\ud83d\\ude00"}],"c":1e3,"d":-12.5e-2,"t":true,"n":null}')
  print(v.a[3].b, v.c, v.d, v.t, v.n, pos, e)
  print(json.decode('{"a":[1,2}')) print(json.decode("[1,]")) print(json.decode('"abc')) print(json.decode("nul"))
  print(pcall(json.encode, { f = print })) local t = {} t.t = t print(pcall(json.encode, t))
end)
try("MessagePack", function()
  local mp = require "MessagePack"
  for _, v in ipairs { 1, -1, 127, 128, 65536, -32769, 2 ^ 40 // 1 | 0, 1.5, "short", ("x"):rep(40), { 1, 2, 3 }, { a = 1 }, true, math.maxinteger, math.mininteger } do
    local s = mp.pack(v) local u = mp.unpack(s)
    print(#s, (s:sub(1, 20):gsub(".", function(c) return ("%02x"):format(c:byte()) end)), type(u) == "table" and (u[3] or u.a) or u)
  end
  for _, v in mp.unpacker(mp.pack(1) .. mp.pack("b") .. mp.pack({ 3 })) do io.write(tostring(type(v)), " ") end print(pcall(mp.unpack, "\x93\1"))
end)
try("inspect", function()
  local inspect = require "inspect"
  local t = { 1, 2, "three", { nested = { deep = true } }, [10] = "ten", ["a b"] = 1, [true] = false, [1.5] = 2 } t.self = t
  print(inspect(t)) print(inspect(t, { depth = 1 })) print(inspect("q\"'\n\0\127")) print(inspect(setmetatable({ 1 }, { __index = {} })))
  print(inspect({ 1, { 2, 3 }, x = { y = 1 } }, { newline = "", indent = "", process = function(v, p) if p[#p] ~= inspect.METATABLE then return v end end }))
end)
try("argparse", function()
  local argparse = require "argparse"
  local p = argparse("prog", "A program.", "The end.")
  p:argument("input", "The input file."):args("?")
  p:option("-o --output", "Where it goes.", "a.out") p:option("-I --include"):count("*") p:flag("-v --verbose", "Talk."):count("0-2"):target("level")
  p:option("--mode"):choices { "fast", "slow" } p:option("-n"):convert(tonumber)
  local c = p:command("add", "Adds.") c:argument("what"):args("+") p:command("remove rm") p:require_command(false)
  print(p:get_help()) print(p:get_usage())
  local function show(...) local ok, r = p:pparse { ... } if not ok then print("error", r) return end
    local keys = {} for k, v in pairs(r) do keys[#keys + 1] = k .. "=" .. (type(v) == "table" and table.concat(v, "/") or tostring(v)) end table.sort(keys) print(table.concat(keys, " ")) end
  show("in", "-o", "x", "-I", "a", "-Ib", "-vv", "-n", "0x10") show("x", "add", "1", "2") show("--mode", "fsat") show("--mode=fast", "--outpt", "1") show("-n", "z") show("a", "b")
  print((p:get_bash_complete():gsub("%s+", " "):sub(1, 300)))
end)
try("moses", function()
  local M = require "moses"
  print(table.concat(M.map({ 1, 2, 3 }, function(v) return v * 2 end), ","), M.sum { 1, 2, 3 }, M.isEqual({ 1, { 2 } }, { 1, { 2 } }), table.concat(M.uniq { 1, 1, 2 }, ","), M.reduce({ 1, 2, 3 }, function(a, b) return a + b end), table.concat(M.flatten { 1, { 2, { 3 } } }, ","), M.chain({ 3, 1, 2 }):sort():first(2):concat("-"):value())
end)
try("inifile", function()
  local ini = require "inifile"
  local f = assert(io.open("t.ini", "w")) f:write("top=1\n[a]\nx = 5\ny=true\n; note\n[b]\ns=text here\n") f:close()
  local t = ini.parse("t.ini") print(t.a.x, t.a.y, t.b.s, math.type(t.a.x)) ini.save("u.ini", t) for l in io.lines("u.ini") do print(l) end
end)
try("basexx", function() local b = require "basexx" print(b.to_base64("hello world\0\255"), b.from_base64("aGk="), b.to_hex("\1\xfe"), b.to_base32("abcde"), b.to_bit("A"), b.from_base32("MFRGG"), b.to_z85("12345678")) end)
try("binaryheap", function() local h = require("binaryheap").minUnique() for i, v in ipairs { 5, 3, 8, 1, 9 } do h:insert(v, "p" .. i) end h:update("p3", 0) h:remove("p4") while h:size() > 0 do io.write(table.concat({ h:pop() }, ":"), " ") end print() end)
try("fifo", function() local f = require "fifo"() f:push(1) f:push(2) print(f:pop(), #f, f:peek()) end)
try("say", function() local s = require "say" s:set_namespace("en") s:set("hi", "hello %s %d") print(s("hi", { "x", 3 })) end)
try("mediator", function() local m = require "mediator"() m:subscribe({ "a", "b" }, function(x) print("got", x) return nil, true end) m:publish({ "a", "b" }, 5) m:publish({ "a" }, 6) end)
try("ansicolors", function() local c = require "ansicolors" print((c("%{red}x%{reset}"):gsub("\27", "E"))) end)
try("luassert", function() local a = require "luassert" print(pcall(a.same, { 1, 2, { x = "y" } }, { 1, 2, { x = "z" } })) print(pcall(a.equals, 1, "1")) print(pcall(a.is_true, nil)) a.near(1, 1.01, 0.1) print(pcall(a.has_no.errors, function() error("e") end)) end)
