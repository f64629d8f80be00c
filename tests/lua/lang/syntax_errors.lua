-- what: messages of syntax errors
local function bad(s) print((select(2, load(s, "=x")))) end
print "== unexpected symbols"
bad "x =" bad "x" bad "x y" bad "= 1" bad "local" bad "local 1" bad "x = = 1" bad "f(" bad "f(1" bad "f(1,)" bad "{1}" bad "return return" bad "x = }" bad "x = 1 +" bad "a.b:c = 1" bad "f() = 1" bad "(a) = 1" bad "a, f() = 1, 2" bad "x.1 = 2" bad "x[1 = 2" bad "local function a.b() end" bad "function 1() end" bad "1 = x" bad "'a'.x = 1" bad "x = function" bad "x = {1, 2" bad "x = {a=}" bad "x = {[1]}" bad "for" bad "for 1 = 1, 2 do end" bad "for i do end" bad "for i = 1 do end" bad "for i, j = 1, 2 do end" bad "for i in" bad "if x" bad "if x then" bad "if x then else elseif" bad "while x" bad "while x do" bad "repeat" bad "repeat until" bad "do" bad "end" bad "elseif" bad "else" bad "until x" bad "goto 1" bad "::x" bad "::" bad "x = @" bad "x = !y" bad "x != y" bad "x = a ? b" bad "x = $" bad "a.b" bad "a:b" bad "a:b.c()" bad "return 1,"  bad "return 1 2" bad "x = 'abc" bad "local x <const" bad "x = ~" bad "x = #" bad "x = not" bad "not x" bad "and" bad "x = ... ..." bad "local ... = 1" bad "function f(..., a) end" bad "function f(a,) end" bad "function f(1) end" bad "break x" bad "\1" bad "x = \200" bad "function f() return 1 print(2) end"
print "== matching lines"
bad "if x then\n\nfoo(" bad "if x then\n\n" bad "f(\n1,\n2" bad "x = {\n1,\n2\n" bad "function f()\n\n\nif" bad "do\n\nx = [\n" bad "for i = 1, 2 do\n\n" bad "x = (\n1" bad "x = a[\n1"
print "== names and strings in messages"
bad "x = 5 'str' " bad "local if = 1" bad "x = 3.5.5" bad [[x = "a" "b" ]] bad "x = [==[ long ]==] y" bad ("x = '" .. ("a"):rep(100) .. "' y =") bad "x = nil nil"
print "== limits"
local function bad(s) print(pcall(function() return (select(2, load(s, "=x"))) end)) end
bad(("x = "):rep(1) .. ("("):rep(300) .. "1" .. (")"):rep(300)) bad("x = " .. ("{"):rep(300) .. ("}"):rep(300)) bad(("do "):rep(300) .. ("end "):rep(300)) bad(("f("):rep(300)) bad("local " .. ("a,"):rep(300) .. "a") bad("x = " .. ("a.."):rep(300) .. "a") bad("x = " .. ("-"):rep(0) .. ("not "):rep(300) .. "a") bad("a" .. (",a"):rep(300) .. " = 1")
print "== chunk names"
print((select(2, load("x =", "@file.lua")))) print((select(2, load("x =", "=name")))) print((select(2, load("x =", "code\nmore")))) print((select(2, load("x =")))) print((select(2, load("x =", ("a"):rep(100))))) print((select(2, load("x =", "@" .. ("a"):rep(100))))) print((select(2, load("x =", "=" .. ("b"):rep(100)))))
