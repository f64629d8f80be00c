-- Penlight: its containers, strings, templates, lexers, data readers, classes, and pretty printing.
local List, Map, Set, OrderedMap = require "pl.List", require "pl.Map", require "pl.Set", require "pl.OrderedMap"
local pretty, stringx, tablex, class = require "pl.pretty", require "pl.stringx", require "pl.tablex", require "pl.class"
local template, lexer, data, sip, func = require "pl.template", require "pl.lexer", require "pl.data", require "pl.sip", require "pl.func"
local seq, text, types, Date, lapp, xml = require "pl.seq", require "pl.text", require "pl.types", require "pl.Date", require "pl.lapp", require "pl.xml"
local array2d, comprehension, permute = require "pl.array2d", require "pl.comprehension".new(), require "pl.permute"
local path, utils, strict, url, input = require "pl.path", require "pl.utils", require "pl.strict", require "pl.url", require "pl.input"

print(List { 10, 20, 30 }:map("*", 2):append(5):sort():reverse(), List.range(1, 10):filter(function(x) return x % 2 == 0 end))
print(List.split("a b c"):join("-"), List { 1, 2, 3 }:reduce("+"), List { 1, 2, 3, 4 }:slice(2, 3), List { 1, 2 } == List { 1, 2 }, List { 1 } .. List { 2 })
local m = OrderedMap() m:set("z", 1) m:set("a", 2) m:set("k", 3)
for k, v in m:iter() do io.write(k, "=", v, " ") end print(m)
print(Set { 1, 2, 3 } * Set { 2, 3, 4 } == Set { 2, 3 }, Set { 1, 2 } + Set { 3 } == Set { 1, 2, 3 }, Set { 1, 2 } < Set { 1, 2, 3 }, #Set { 4, 5 })
print(pretty.write({ 1, 2, { x = 1 } }), pretty.write({ a = { b = { 1.5, "q\n" } } }, ""), pretty.number(123456, "M"), pretty.number(2 ^ 20, "M", 2))
print(pretty.read("{1, 2, {x = 3}}")[3].x, pcall(pretty.read, "{1, os.exit()}"))
for _, s in ipairs { "isalpha", "isdigit", "isupper", "islower", "isspace", "isalnum" } do io.write(s, " ", tostring(stringx[s]("ab1")), tostring(stringx[s]("12")), " ") end print()
print(stringx.split("a,b,,c", ","):concat("|"), stringx.strip("  x "), stringx.center("ab", 7, "*"), stringx.title("hello wOrld"), stringx.replace("aXbXc", "X", "--", 1), stringx.count("banana", "an"), stringx.rfind("banana", "an"), stringx.partition("k=v=w", "="))
print(stringx.expandtabs("a\tb", 4), stringx.lines("a\nb\nc")(), stringx.quote_string("a\"b\n]]"), stringx.shorten("abcdefghij", 6), stringx.splitlines("x\ny\r\nz"):len())
print(tablex.deepcompare({ 1, { 2 } }, { 1, { 2 } }), tablex.find({ 5, 6, 7 }, 6), #tablex.keys { a = 1, b = 2 }, tablex.size { a = 1, 2 }, List(tablex.zip({ 1, 2 }, { 3, 4 })[1]), tablex.reduce(function(a, b) return a .. b end, { "x", "y", "z" }), table.concat(tablex.map2("+", { 1, 2 }, { 10, 20 }), ","))
for k, v in tablex.sort { c = 1, a = 3, b = 2 } do io.write(k, v, " ") end for k, v in tablex.sortv { c = 1, a = 3, b = 2 } do io.write(k, v, " ") end print()
class.Animal() function Animal:_init(name) self.name = name end function Animal:__tostring() return self.name .. ": " .. self:speak() end
class.Dog(Animal) function Dog:speak() return "bark" end
class.Cat(Animal) function Cat:_init(name, breed) self:super(name) self.breed = breed end function Cat:speak() return "meow " .. self.breed end
print(Dog("Fido"), Cat("Leo", "Siamese"), Dog:class_of(Dog("x")), Animal:class_of(Cat("y", "z")), Cat("y", "z"):is_a(Dog), pcall(function() return Animal("x"):speak() end))
print(template.substitute([[
# for i, v in ipairs(list) do
  item $(i): $(v:upper())
# end
$(name)
]], { list = { "a", "b" }, name = "N", ipairs = ipairs }))
print(template.substitute("# bad bad\n", {}))
for t, v in lexer.lua("local x = 0x1F + 'str' -- note\nfor i=1,2 do f[[long]] end", { space = true }) do io.write(t, ":", tostring(v), " ") end print()
for t, v in lexer.cpp("int main() { return 1 << 2; /* c */ }", { space = true }) do io.write(t, ":", tostring(v), " ") end print()
local d = data.read(require "pl.stringio".open("name,age\nbob,20\nann,31\nzed,25\n"))
for a, n in d:select_row { fields = "age,name", where = function(r) return r[2] > 21 end, sort_by = "age" } and d:select "age,name where age > 21" do print(a, n) end
d:write(io.stdout)
local res = {} print(sip.match("$v{key} = $i{n} ($q{q})", "size = 42 ('abc')", res), res.key, res.n, res.q)
local _1, _2 = func._1, func._2 print(func.I(_1 + _2 * 2)(1, 5), tablex.map(func.I(_1 .. "!"), { "a", "b" })[2], func.repr(_1 + 2 * _2))
print(seq.sum(seq.range(1, 10)), seq(seq.list { 3, 1, 2 }):sort():map(tostring):copy():concat ",", seq.copy(seq.take(seq.splice({ 1, 2 }, { 3 }), 3)):concat " ")
print(text.wrap("the quick brown fox jumps over the lazy dog and runs away", 20), text.indent("a\nb", 3), text.dedent("  x\n   y"), text.fill("one two three four five six", 12))
print(comprehension "x^2 for x=1,5" (), table.concat(comprehension "{x,y} for x=1,2 for y=1,2 if x ~= y" ()[1], ","), comprehension "sum(x for x)" { 1, 2, 3 })
for p in permute.order_iter { 1, 2, 3 } do io.write(table.concat(p), " ") end print()
local M = { { 1, 2 }, { 3, 4 } } print(array2d.reduce2("+", "*", M), array2d.column(M, 2)[2], pretty.write(array2d.map("+", M, 10), ""), array2d.transpose and pretty.write(array2d.transpose(M), ""))
local doc = xml.parse("<a x='1'><b>text</b><b>more &amp; more</b><c/></a>") print(doc, doc:child_with_name("b"):get_text(), xml.tostring(doc, "", "  ")) for e in doc:childtags() do io.write(e.tag, " ") end print()
print(pcall(xml.parse, "<a><b></a>"))
print(path.join("a", "b", "../c"), path.normpath("a/./b/../c"), path.extension("x/y.tar.gz"), path.basename("x/y.lua"), path.splitext("a.b"), path.isabs("/a"), path.relpath("/a/b/c", "/a/d"), path.exists("none"))
print(url.quote("a b&c=ü"), url.unquote("a%20b"), types.is_callable(print), types.to_bool("yes"), types.type(List {}), utils.split("a  b c")[2], utils.pack(1, nil, 3).n)
print(Date { year = 2020, month = 2, day = 28 }:add { day = 2 }:day(), Date.Format("yyyy-mm-dd"):tostring(Date { year = 2021, month = 12, day = 24 }), Date.Format():parse("2011-03-04T10:20:30Z"))
print(pretty.write(lapp("test\n -v,--verbose  talk\n -n,--number (default 5)  count\n -o (default stdout)\n <file> (string) input\n", { "-v", "--number", "7", "in.txt" }), ""):gsub("<.->", "F"), (pcall(strict.module, "x", {})))
print(select("#", utils.unpack({ 1, nil, 3 }, 1, 3)), utils.choose(true, 1, 2), utils.escape("a.b*c"), pcall(utils.assert_arg, 1, 5, "string"))
for n in input.numbers("10 20 thirty 40") do io.write(n, " ") end print()
