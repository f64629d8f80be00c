-- what: comments, semicolons, line ends, shebang, operators without spaces
print "== comments"
print(1 --[[ inline ]] + --[==[ ]] ]==] 2) -- trailing
--[[ multi
line ]] print "after"
---[[ not a block comment
print "seen"
--]]
--[==[
]]
--]==] print "eq"
print "== semicolons" ;;; ; local a = 1; local b = 2;
print(a, b);
(print)("call on its own line")
print "== no spaces"
local x=1+2*3-4/2^2%3 print(x,x==x,x~=x,1<2,1<=2,2>1,2>=1,"a".."b",1 ..2,not nil,-x,#"abc",3//2,5&3,5|3,5~3,1<<2,8>>1)
print(2^-3, -2^-2, 2- -2, 2--comment
- 1)
print "== line ends"
print(pcall(load("local a = 1\r\nlocal b = 2\n\rlocal c = 3\r" .. "error('here')", "=l"))) print(load("return 'a\\\r\nb'")() == "a\nb", load("return [[\r\na\r\nb]]")() == "a\nb")
print "== first line with #"
print(load("#!shebang\nreturn 1", "=s"))
print "== names"
local _ENV2, _1, a_b, A, while_ = 1, 2, 3, 4, 5 print(_ENV2 + _1 + a_b + A + while_)
print "== deep nesting"
print(load("return " .. ("("):rep(150) .. "7" .. (")"):rep(150))()) print(load(("do "):rep(150) .. "return 8 " .. ("end "):rep(150))()) local s = "x" for i = 1, 150 do s = "{" .. s .. "}" end print(type(load("x = 1 return " .. s)()))
