# The test framework luaunit: passing, failing and erring tests, in all its output forms.
cat >t.lua <<'F'
local lu = require("luaunit")
os.clock, os.date = function() return 0 end, function() return "now" end
TestA = {}
function TestA:setUp() self.x = 1 end
function TestA:testEqual() lu.assertEquals(self.x, 1) end
function TestA:testTables() lu.assertEquals({ 1, { a = 2 } }, { 1, { a = 2 } }) end
function TestA:testFails() lu.assertEquals({ 1, 2, 3 }, { 1, 2, 4 }) end
function TestA:testError() error("oops") end
function TestA:testErrorMessage() lu.assertErrorMsgContains("nil value", function() local x; x.y = 1 end) end
function TestA:testSkip() lu.skip("not now") end
function TestA:testAlmost() lu.assertAlmostEquals(0.1 + 0.2, 0.3, 1e-12) end
function TestA:testStr() lu.assertStrMatches("hello 12", "hello %d+") end
function TestA:testBig() local t = {} for i = 1, 50 do t[i] = i end local u = {} for i = 1, 50 do u[i] = i end u[25] = 0 lu.assertEquals(t, u) end
os.exit(lu.LuaUnit.run())
F
for form in text tap nil; do "$@" t.lua -v -o $form; echo "code $?"; done
"$@" t.lua -p Equal -p Tables; echo "code $?"
