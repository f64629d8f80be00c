-- what: the utf8 library
local function case(t) print("== " .. t) end
case "char" print(utf8.char(72, 228, 8364, 0x10FFFF), utf8.char(), #utf8.char(0x7FFFFFFF)) print(pcall(utf8.char, -1)) print(utf8.charpattern == "[\0-\x7F\xC2-\xFD][\x80-\xBF]*")
case "len" print(utf8.len "häß€", utf8.len "", utf8.len "\xff", utf8.len("häß", 2), utf8.len("häß", 4, 3), utf8.len("häß", -1)) print(utf8.len("\u{D800}", 1, -1), utf8.len("\u{D800}", 1, -1, true)) print(pcall(utf8.len, "abc", 5)) print(utf8.len("abc", 4))
case "codepoint" print(utf8.codepoint("häß", 1, -1)) print(pcall(utf8.codepoint, "\xff")) print(utf8.codepoint "a") print(pcall(utf8.codepoint, "abc", 4))
case "offset" print(utf8.offset("häß", 3), utf8.offset("häß", -1), utf8.offset("häß", 0, 3), utf8.offset("häß", 5), utf8.offset("häß", 4)) print(pcall(utf8.offset, "häß", 1, 3))
case "codes" for p, c in utf8.codes "hä€" do io.write(p, ":", c, " ") end print() print(pcall(function() for _ in utf8.codes "a\xffb" do end end)) print(pcall(function() for _ in utf8.codes("\u{200000}") do end end)) for p, c in utf8.codes("\u{200000}", true) do print(p, c) end
