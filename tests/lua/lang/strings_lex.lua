-- what: string literals: escapes, long brackets, line continuation
local function case(t) print("== " .. t) end
local function bytes(s) local r = {} for i = 1, #s do r[i] = s:byte(i) end return table.concat(r, " ") end
case "escapes"
print(bytes "\a\b\f\n\r\t\v\\\"\'")
print(bytes "\0\1\12\123\255\x00\x7F\xff")
print(bytes "\u{0}\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10FFFF}\u{7FFFFFFF}")
print("a\z
       b\z   c", "line\
next")
case "long brackets"
print([[a
b]], [==[x]]y]=]z]==], #[[

x]], [[\n]])
print(#[[
]], bytes [[

]])
case "quotes inside"
print('a"b', "a'b", "tab\tend")
case "errors"
local function bad(s) print((select(2, load(s, "=s")))) end
bad [[x = "abc]]
bad "x = 'abc\ndef'"
bad [[x = "\q"]]
bad [[x = "\300"]]
bad [[x = "\xZZ"]]
bad [[x = "\u{110000000}"]]
bad [[x = "\u{zz}"]]
bad [[x = "\u123"]]
bad "x = [[abc"
bad "x = [==[abc]]"
bad "x = [=abc"
bad "--[[ never ends"
bad [[x = "\x1"]]
