-- what: string functions without patterns
local function case(t) print("== " .. t) end
case "sub" local s = "hello" print(s:sub(2), s:sub(2, 3), s:sub(-3), s:sub(-3, -2), s:sub(0), s:sub(10), s:sub(3, 2), s:sub(-100, 100), s:sub(2, -2), s:sub(math.mininteger, math.maxinteger), s:sub(-1, -1), s:sub(2.0, 3)) print(pcall(string.sub)) print(pcall(string.sub, "x")) print(pcall(string.sub, "x", 1.5)) print(pcall(string.sub, "x", "a"))
case "len, upper, lower, reverse" print(("abc"):len(), #"a\0b", ("aBc1é"):upper(), ("ABC1É"):lower(), ("abc"):reverse(), (""):reverse(), ("x\0y"):reverse() == "y\0x") print(string.len(123), ("x"):upper():rep(2)) print(pcall(string.len)) print(pcall(string.upper, {}))
case "rep" print(("ab"):rep(3), ("ab"):rep(0), ("ab"):rep(-1), ("ab"):rep(1, ","), ("ab"):rep(3, ","), (""):rep(100), ("x"):rep(2, "")) print(pcall(string.rep, "x", 1 << 62)) print(#("abc"):rep(1000, "--"))
case "byte and char" print(("ABC"):byte(), ("ABC"):byte(2), ("ABC"):byte(1, -1), ("ABC"):byte(10), ("ABC"):byte(-1), ("ABC"):byte(0)) print(string.char(), string.char(72, 105), #string.char(0, 255)) print(pcall(string.char, 256)) print(pcall(string.char, -1)) print(pcall(string.char, "x"))
case "numbers are accepted" print(string.rep(12, 2), string.len(1.5), string.sub(12345, 2, 3), string.reverse(10), string.upper(1e100), string.byte(7)) print(pcall(function() return (12):rep(2) end))
