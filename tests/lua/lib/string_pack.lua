-- what: string.pack, unpack and packsize
local function case(t) print("== " .. t) end
local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local function p(...) local ok, r = pcall(string.pack, ...) print(ok, ok and hex(r) or r) end
case "integers" p("b", -1) p("B", 255) p("h", -2) p("H", 65535) p("i", 1) p("I", 1) p("l", 1) p("L", 1) p("j", -1) p("J", 1) p("T", 5) p("<i4", 1) p(">i4", 1) p("=i4", 1) p("<i3", -2) p(">I5", 0x0102030405) p("<i16", -1) p(">i16", 5) p("i1i2i8", 1, 2, 3) p("<!4 i1 i4", 1, 2) p(">!8 b j", 1, 2)
case "floats" p("<f", 1.5) p(">f", -0.0) p("<d", 1.5) p("<n", 0.1) p(">d", 1/0) p("<d", 3)
case "strings" p("z", "abc") p("s", "abc") p("s1", "abc") p(">s2", "abc") p("c5", "abc") p("c3", "abc") p("z", "") p("s1", "")
case "padding and alignment" p("b x b", 1, 2) p("<!4 b Xi4 i4", 1, 2) p("<!2 b i4", 1, 2) p("!8 b Xd", 1) p("<! b d", 1, 2.0) p("  <  i2  ", 5)
case "errors" p("b", 128) p("B", 256) p("b", -129) p("i1", 1000) p("I2", -1) p("i17", 1) p("i0", 1) p("c2", "abc") p("z", "a\0b") p("s1", ("x"):rep(300)) p("y", 1) p("i", "x") p("i", 1.5) p("!3 i4", 1) p("X", 1) p("Xz", 1) p("i4") p("c", "x") p("!17 i", 1) p("d", "x")
local function u(...) print(pcall(string.unpack, ...)) end
case "unpack" u("<i4", "\1\0\0\0") u(">i4", "\0\0\0\1") u("<i2 i2", "\1\0\2\0") u("z", "abc\0rest") u("s1", "\3abcd") u("c2", "abcd") u("<i4", "\1\0\0\0\2\0\0\0", 5) u("b", "\255") u("B", "\255") u("<i3", "\254\255\255") u("<d", string.pack("<d", 0.1)) u("<f", string.pack("<f", 0.1)) u("<i16", string.pack("<i16", -7)) u("", "") u("b", "abc", -1) u("<j", string.pack("<j", math.mininteger)) u("<I8", ("\255"):rep(8)) u("x b", "\0\7") u("<!4 b i4", string.pack("<!4 b i4", 1, 2))
case "unpack errors" u("i4", "\1\2") u("z", "abc") u("s1", "\5abc") u("b", "", 1) u("b", "abc", 5) u("b", "abc", -5) u("<I16", ("\255"):rep(16)) u("c10", "abc") u("i4") u("y", "a")
case "packsize" for _, s in ipairs { "b", "i4", "i4i8", "!8 b d", "c10", "<!4 i1 i4 i1", "j n T", "f d", "bxh" } do print(s, string.packsize(s)) end print(pcall(string.packsize, "s")) print(pcall(string.packsize, "z")) print(pcall(string.packsize, "c2147483647c2147483647"))
case "random round trips" local ok = true for i = 1, 200 do local a, b, c = i * 7919 % 65536 - 32768, i * 104729 % (1 << 31), ("s"):rep(i % 17) local x, y, z, w = string.unpack("<i2 I4 s1 z", string.pack("<i2 I4 s1 z", a, b, c, c)) ok = ok and x == a and y == b and z == c and w == c end print(ok)
