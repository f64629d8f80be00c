-- what: messages name the value to blame, with the right line in any layout
local function show(case, ...) local r = table.pack(...) for i = 1, r.n do r[i] = (tostring(r[i]):gsub("0x%x+", "ADDR")) end print(case, table.concat(r, " | ", 1, r.n)) end
-- The same with each token, or each second one, on a line of its own.
local function split(c, k)
  local out, n, i = {}, 0, 1
  while i <= #c do
    local space = c:match("^%s+", i)
    if space then i = i + #space else
      local q, tok = c:match("^['\"]", i)
      if q then
        local j = i + 1
        while c:sub(j, j) ~= q and j <= #c do if c:sub(j, j) == "\\" then j = j + 1 end j = j + 1 end
        tok = c:sub(i, j)
      else
        tok = c:match("^[%w_]+%.?%d*", i) or c:match("^%.%.%.?", i) or c:match("^[<>=~]=", i) or c:match("^//", i) or c:match("^<<", i) or c:match("^>>", i) or c:match("^::", i) or c:sub(i, i)
      end
      i, n = i + #tok, n + 1
      out[#out + 1] = tok .. (n % k == 0 and "\n" or " ")
    end
  end
  return table.concat(out)
end
local number = 0
local function cases(title, list)
  print("== " .. title)
  for _, c in ipairs(list) do
    number = number + 1
    for _, s in ipairs { c, split(c, 1), split(c, 2) } do
      local f, e = load(s, "=c")
      if f then show(number, pcall(f)) else show(number, e) end
      a, x, f, t = nil
    end
  end
end
cases("part 1", {
  "local a; a.b = 1", "a.b.c = 1", "a.b = 1", "local t = {}; t.x.y = 1", "local t = {}; t[1].y = 1", "local t = {}; local i = 'k'; t[i].y = 1",
  "local t = {}; t['a b'].y = 1", "local t = {}; return t.x.y", "return (1).x", "return ('x').y.z", "local s = 'x'; return s.y.z", "return #nil",
  "return #x", "local x; return #x", "return #5", "local t={} return #t.x", "return -{}", "return -x", "local t={} return -t.y", "return -'abc'",
  "return ~1.5", "return ~{}", "return ~'x'", "return ~'1.5'", "local x = 1.5; return ~x", "return 1 + nil", "return nil + 1", "return x + 1",
  "return 1 + x", "local x; return x + 1", "local x; return 1 + x", "local x, y; return x + y", "local x, y = 1; return x + y",
  "local t = {}; return t.a + t.b", "local t = {a=1}; return t.a + t.b", "return 'a' + 1", "return 1 + 'a'", "return {} + 'a'", "return 'a' + {}",
  "return 'a' .. {}", "return {} .. 'a'", "return x .. 'a'",
})
cases("part 2", {
  "return 'a' .. x", "local x; return 'a' .. x .. 'b'", "local t = {}; return 'a' .. t.x .. 'b'", "local t = {}; return t.x .. 'b'", "return 1 .. nil",
  "return nil .. 1", "local a,b,c = 'x', nil, 'z'; return a..b..c", "return 1 & 1.5", "return 1.5 & 1", "return 1 & 'a'", "return 'a' | 1",
  "return 1 & {}", "return {} & 1", "local x = 2^53 * 4096; return x & 1", "local t = {x=1.5}; return t.x | 1", "local t = {x=1.5}; return 1 | t.x",
  "return 1 << 1.5", "return 2^63 | 0", "return '1.5' & 1", "return 1 & '1.5'", "local a = '1.5' return a & 1", "return 1.5 // 0", "return 1 // 0",
  "return 1 % 0", "local a = 0; return 1 // a", "local a = 0; return 1 % a", "return 1 < 'x'", "return {} < {}", "return {} < 1", "return 1 <= nil",
  "return nil > 1", "return print < print", "return 'a' >= 1", "local x; return x < 1", "return 1 < {}", "return 'x' <= {}", "return true < false",
  "return 2 > 'x'", "x()", "local x; x()", "x.y()", "local t = {}; t.x()",
})
cases("part 3", {
  "local t = {}; t:x()", "local t = {}; t.x.y()", "local t = {}; t.x:y()", "('x')()", "(1)()", "(nil)()", "({})()", "local t = {}; t[1]()",
  "local t, i = {}, 1; t[i]()", "local t, i = {}, 'a'; t[i]()", "x.y.z()", "x:y()", "('x'):bad()", "('x').y()", "local s = 'x'; s:bad()", "return x()",
  "local x; return x()", "local t = {}; return t:x()", "local t = {}; return t.x()", "return (1)()",
  "local x = 1; local f = function() return x.y.z end; f()", "local x; local f = function() return x.y end; f()",
  "local x; local f = function() x.y = 1 end; f()", "local x; local f = function() x() end; f()", "local x; local f = function() return x() end; f()",
  "local x; local f = function() x:y() end; f()", "local x; local f = function() return x + 1 end; f()",
  "local x; local f = function() return x .. 'a' end; f()", "local x; local f = function() return #x end; f()",
  "local x; local f = function() return -x end; f()", "local x; local f = function() x[1] = 2 end; f()",
  "local x; local f = function() return x[1] end; f()", "local x; local f = function() local i = 1; return x[i] end; f()",
  "local x; local f = function() x = 1 end; return x.y", "local x; local f = function() x = 1 end; x.y = 1",
  "local x; local f = function() x = 1 end; x()", "local x; local f = function() x = 1 end; x:y()",
  "local x; local f = function() x = 1 end; return x + 1", "local x; local f = function() x = 1 end; return 1 + x",
  "local x; local f = function() x = 1 end; return 'a' .. x", "local x; local f = function() x = 1 end; return #x",
  "local x; local f = function() x = 1 end; return x[1]",
})
cases("part 4", {
  "local x; local f = function() x = 1 end; return x.y.z", "local x; local f = function() x = 1 end; x[1] = 2",
  "local x; local f = function() x = 1 end; x[x] = 2", "local x = {}; local f = function() x = 1 end; x[1][2] = 2",
  "local x = {}; local f = function() x = 1 end; x.y.z = 2", "for i = 1, {} do end", "for i = {}, 1 do end", "for i = 1, 2, {} do end",
  "for i = 1, 2, 0 do end", "for i = 'a', 2 do end", "for i = 1, 'x' do end", "for i = 1.5, 'x' do end", "for i = 1, 2, nil do end",
  "for i = nil, 2 do end", "for i = 1, 10, 0.0 do end", "for i = '1', 2 do end", "for i=1,2,'x' do end", "for k in 1 do end", "for k in nil do end",
  "for k in {} do end", "for k in x do end", "for k, v in pairs(nil) do end", "for k, v in ipairs() do end", "for k, v in pairs() do end",
  "for k,v in next, nil do end", "for a in setmetatable({}, {__call = 1}) do end", "local t <close> = {}", "local t <close> = 1",
  "local t <close> = x", "for a in pairs{}, 1, 2, 3 do end", "for a in next, {}, nil, 3 do end", "for a in next, {}, nil, {} do end",
  "local t = {}; t[nil] = 1", "local t = {}; t[0/0] = 1", "local t = {[nil] = 1}", "rawset({}, nil, 1)", "local t = {} t[x] = 1", "return {[x]=1}",
  "return {[0/0]=1}", "string.rep()", "string.rep('x')", "string.rep({}, 1)",
})
cases("part 5", {
  "string.rep('x', {})", "('x'):rep()", "('x'):rep({})", "string.rep('x', 1.5)", "string.rep('x', '1.5')", "string.rep('x', 'y')",
  "local s = string; s.rep()", "local r = string.rep; r()", "(string.rep)()", "pcall()", "xpcall()", "xpcall(print)", "error()", "error(nil)",
  "error('x')", "error('x', 0)", "error('x', 1)", "error('x', 2)", "error({})", "error(setmetatable({}, {__tostring = function() return 'xx' end}))",
  "assert(false)", "assert(nil, 'msg')", "assert(false, {})", "assert()", "setmetatable(1, {})", "setmetatable({}, 1)", "setmetatable({})",
  "getmetatable()", "tostring()", "tonumber()", "tonumber('x', 99)", "tonumber(1, 10)", "tonumber('10', {})", "select(0)", "select()", "select(-5, 1)",
  "select('x')", "rawlen(1)", "rawget(1, 2)", "rawequal(1)", "rawset(1)", "next({}, 'x')",
})
cases("part 6", {
  "next(1)", "ipairs()", "unpack()", "table.unpack()", "table.concat({1,{},3})", "table.concat({1,2}, 1, 1, 3)", "table.insert({}, 1, 2, 3)",
  "table.insert({})", "table.insert({}, 5, 1)", "table.insert(nil, 1)", "table.remove({}, 5)", "table.sort({3,1,'x'})",
  "table.sort({1,2,3}, function() return true end)", "table.sort({1,2}, 5)", "table.move({}, 1, 2)", "math.floor('x')", "math.floor({})",
  "math.random(0, -1)", "math.random(1,2,3)", "math.tointeger()", "math.max()", "math.abs()", "math.fmod(1, 0)", "('x'):format()",
  "string.format('%d', 'x')", "string.format('%d', 1.5)", "string.format('%y', 1)", "string.format('%', 1)", "string.format('%d')", "string.format()",
  "string.format('%s')", "string.char(256)", "string.char(-1)", "string.byte()", "string.sub()", "('x'):sub()", "string.gsub('x', 'x')",
  "string.gsub('x', 'x', 1, 'y')", "string.gsub('x', '(', '')", "string.gsub('x', 'x', '%2')", "string.gsub('x', 'x', '%y')", "string.find('x', '[a')",
})
cases("part 7", {
  "string.find('x', '%')", "string.find('x', '%f')", "string.match('x', '%1')", "string.gsub('x', '.', function() return {} end)",
  "string.gsub('x', 'x', {x={}})", "string.gsub('x', 'x', true)", "coroutine.resume(1)", "coroutine.wrap(1)", "coroutine.create()",
  "coroutine.yield()", "coroutine.status(1)", "coroutine.wrap(function() error('x') end)()", "coroutine.wrap(function() error({}) end)()",
  "local f = coroutine.wrap(function() end); f(); f()", "coroutine.isyieldable(1)", "utf8.char(-1)", "utf8.codepoint('x', 5)", "utf8.len('x', 5)",
  "utf8.offset('x', 1, 9)", "utf8.codes()", "for _ in utf8.codes('\\xff') do end", "debug.getinfo()", "debug.getinfo(1, 'x')", "debug.getlocal()",
  "debug.getlocal(99, 1)", "debug.setmetatable(1, 2)", "debug.sethook(1)", "debug.upvalueid(print, 1)", "debug.upvaluejoin(print, 1, print, 1)",
  "debug.getupvalue(1, 1)", "debug.setlocal(1, 1)", "string.pack('z', 'a\\0b')", "string.unpack('i4', 'x')", "string.pack('i1', 300)",
  "string.pack('y', 1)", "local a <const> = nil; a.b = 1", "local a <const> = nil; a()", "local a <const> = 'x'; a()",
  "local a <const> = 5; return a.x.y", "local a <const> = 1.5; return a | 1", "break", "local x <const> = 1; x = 2",
})
cases("part 8", {
  "return ...", "x = = 1", "x = 'abc", "x = [[abc", "--[[abc", "x = 1e", "x = 0x", "x = '\\q'", "x = '\\300'", "x = '\\u{110000000}'", "x = '\\xZZ'",
  "for", "for i", "for i =", "for i = 1", "if x", "if x then", "while x", "function", "function f", "function f(", "function f()", "local function",
  "local 1", "local x <foo>", "local x <", "return return", "x", "x y", "x.1", "x:y", "f(", "f(1", "f(1,", "{}", "({}).x", "x = }", "x = {", "x = {1",
  "x = {1 2}", "a.b:c = 1", "a() = 1",
})
cases("part 9", {
  "1 = 1", "::a:: ::a::", "goto 1", "do goto l1 end; local a ::l1:: print(a)", "repeat", "repeat until", "x = function", "x = @", "x = $", "x = 5 5",
  "x = ~", "and", "x = and", "local t = {...} ; function f() return ... end",
  "local mt = {__index = function(t, k) error('idx ' .. k) end}; return setmetatable({}, mt).foo",
  "local mt = {__index = function(t, k) return nil + 1 end}; return setmetatable({}, mt).foo",
  "local mt = {__add = 1}; return setmetatable({}, mt) + 1", "local mt = {__add = {}}; return 1 + setmetatable({}, mt)",
  "local mt = {__index = 1}; return setmetatable({}, mt).x", "local mt = {__newindex = 1}; setmetatable({}, mt).x = 1",
  "local mt = {__call = 1}; setmetatable({}, mt)()", "local mt = {__concat = 1}; return setmetatable({}, mt) .. 'x'",
  "local mt = {__len = 1}; return #setmetatable({}, mt)", "local mt = {__unm = true}; return -setmetatable({}, mt)",
  "local mt = {__eq = 1}; return setmetatable({}, mt) == setmetatable({}, mt)", "local mt = {__lt = 1}; return setmetatable({}, mt) < 1",
  "local mt = {__le = 1}; return setmetatable({}, mt) <= 1", "local mt = {__lt = 1}; return 1 > setmetatable({}, mt)",
  "local mt = {__close = 1}; local x <close> = setmetatable({}, mt)",
  "local mt = {__tostring = function() return 1 end}; tostring(setmetatable({}, mt))",
  "local mt = {__tostring = function() return {} end}; tostring(setmetatable({}, mt))",
  "local mt = {__name = 'My'}; local x = setmetatable({}, mt); return x + 1",
  "local mt = {__name = 'My'}; local x = setmetatable({}, mt); return x < 1",
  "local mt = {__name = 'My'}; local x = setmetatable({}, mt); return x < x", "local mt = {__name = 'My'}; local x = setmetatable({}, mt); x()",
  "local mt = {__name = 'My'}; string.rep(setmetatable({}, mt))", "local mt = {__name = 'My'}; return setmetatable({}, mt) .. 'x'",
  "local mt = {__name = 5}; return setmetatable({}, mt) .. 'x'", "local mt = {__name = 'My'}; for i = setmetatable({}, mt), 1 do end",
  "local mt = {__name='My'}; return ~setmetatable({}, mt)", "local mt = {__metatable = 1}; setmetatable(setmetatable({}, mt), {})",
  "local mt = {__pairs = 1}; pairs(setmetatable({}, mt))",
})
cases("part 10", {
  "local mt = {__index = function() error('e', 2) end}; return setmetatable({}, mt).x", "local mt = {__gc = 1}; setmetatable({}, mt)",
  "local t = setmetatable({}, {__index = setmetatable({}, {__index = 5})}); return t.x",
  "local t = setmetatable({}, {__newindex = setmetatable({}, {__newindex = 5})}); t.x = 1",
  "local t = setmetatable({}, {}); getmetatable(t).__index = t; return t.x", "local t = setmetatable({}, {}); getmetatable(t).__newindex = t; t.x = 1",
  "local t = {}; t.x = t.y.z", "local a = {}; a.x, a.y.z = 1, 2", "local a, b = {}, nil; a[b.c] = 1", "local a = {}; a[a.b.c] = 1",
  "local function f(...) local a, b = ...; return b.c end f(1)", "local function f(...) return (...).x end f()",
  "local function f(a, ...) return select('#', ...) + a end f()", "local a = {b = {}}; a.b.c.d()", "local a = {b = {}}; a.b.c:d()",
  "local a = {b = {}}; a.b:d()", "_ENV = nil; x = 1", "local _ENV = nil; x = 1", "local _ENV = {}; x()", "local _ENV = {}; x.y = 1",
  "local _ENV = 5; x = 1", "local function f() local _ENV = {}; return x.y end f()", "local _ENV = {}; local function f() return x.y end f()",
  "local _ENV = {}; local function f() x.y.z = 1 end f()", "return _ENV.x.y", "_ENV.x()", "_ENV.x.y()", "local e = _ENV; e.x()",
  "local e = _ENV; return e.x.y", "local e <const> = _ENV; e.x()", "_G.x()", "return _G.x.y", "local x; x = x and x.y or x.z",
  "local x; if x.y then end", "local x; while x.y do end", "local x; repeat until x.y", "local x; return x and 1 or x.y",
  "local x = 5; return (x or 3) .. nil", "return (x or y).z", "return (x and y or z)()", "local a; local b = a or a.b",
  "local t = {}; return not t.x.y",
})
cases("part 11", {
  "return (function() end)().x", "return (function() end)()()", "return f{}.x", "return ('x'):rep(2).y.z", "return (...)()", "local a = ...; a()",
  "return math.foo()", "return math.foo.bar", "math.foo.bar = 1", "return string.foo('x')", "return ('x').foo('x')",
  "local s = 'abc'; return s.foo.bar", "local n = 5; return n.x", "local n = 5; n.x = 1", "local n = true; n.x.y = 1", "local f = print; f.x = 1",
  "print.x = 1", "return print.x", "local c = coroutine.create(print); c.x = 1", "local a = 1; local function g() a = a.b.c end g()",
  "local a = {} local b = a.x; b.c = 1", "local a = {} local b <const> = a.x; b.c = 1", "local a = {}; local f = a.f; f()", "local a = {}; (a.f)()",
  "local a; (a)()", "local t = {f = 5}; t.f(1, 2, t.g.h)", "return #x.y", "return -x.y.z", "return {x.y.z}", "return {[x.y] = 1}", "return x.y, 1",
  "local a <close> = x.y", "return 2^53 // {}", "return {} % 2", "return 2 ^ {}", "return {} / 1", "return 10 // 'x'", "return '10' // {}",
  "return '0x10' + {}", "local a = 'x'; return a + 1", "local a = 'x'; return a * a", "local a = {}; return a.b * 2",
})
cases("part 12", {
  "local a = {}; return 2 * a.b", "local a = {}; return 2 ^ a.b", "local a = {}; return a.b ^ 2", "local a = {}; return a.b // 2",
  "local a = {}; return a.b % 2", "local a = {}; return a.b - 2", "local a = {}; return 2 - a.b", "local a = {}; return a.b / 2",
  "local a = {}; return a.b & 2", "local a = {}; return 2 & a.b", "local a = {}; return a.b << 2", "local a = {}; return 2 << a.b",
  "local a = {}; return a.b >> 2", "local a = {}; return 2 >> a.b", "local a = {}; return a.b ~ 2", "local a = {}; return a.b | 2",
  "local a = {1.5}; return a[1] | 2", "local a = {1.5}; return 2 | a[1]", "local a = {1.5}; local i = 1; return 2 | a[i]", "return 1.5 | 2",
  "return 2 | 1.5", "local a, b = 1.5, 2; return b | a", "local a, b = 1.5, 2; return a | b", "local a, b = 1.5, 2.5; return a | b",
  "return math.huge | 1", "return math.pi & 1", "local a = 1.5; local function f() return a | 1 end f()",
  "local a = 1.5; local function f() return 1 | a end f()", "local a = 2^70; local function f() a = a << 1 end f()", "return -9223372036854775809 | 0",
  "return 1 << {}", "return '3' | {}", "return {} | '3'", "return '3.5' | 1", "return 'x' | 1", "return 1 | 'x'", "return ~'3.5'", "return ~'x'",
  "local a = {} return ~a.b",
})
