-- what: operator precedence and associativity
print "== arithmetic" print(1 + 2 * 3, (1 + 2) * 3, 2 ^ 3 ^ 2, -2 ^ 2, 10 - 3 - 2, 100 / 10 / 2, 7 // 2 * 2, 2 * 7 // 2, 2 ^ -1, -3 % 5, -(3 % 5), 5 % 3 * 2)
print "== concat" print("a" .. "b" .. "c", 1 .. 2 == "12", "a" .. 1 + 2, 2 .. 3 ^ 2)
print "== comparison and logic" print(1 < 2 == true, not 1 == 2, not (1 == 2), 1 == 1 and 2 == 3 or 4, nil and nil or "d", 1 or error(), false == false ~= true, "a" < "b" and "x" or "y", 1 + 1 == 2 and "t")
print "== bits" print(1 | 2 ~ 3 & 4 << 1, 1 << 1 + 1, ~0 & 0xF, 2 ~ 3 | 4, 6 & 3 | 8, (1 .. 2) + 1, not 0 == nil, -1 >> 60, 5 // 2 | 8)
print "== unary" print(- -2, not not nil, -#"abc", #"ab" + 1, - - -1, ~ ~5, -"2" + 0, not nil == true, -2 .. "", #"a" .. "b")
print "== index and call" local t = { f = function(s) return { g = s } end, 5 } print(t.f "x".g, t.f { 1 }.g[1], (t)[1], #t.f "abc".g, -t[1] ^ 2, 2 ^ t[1])
