# The test runner busted: a specification that passes and one that fails.
mkdir -p spec
cat >spec/good_spec.lua <<'F'
describe("lists", function()
  local l
  before_each(function() l = { 1, 2, 3 } end)
  it("have lengths", function() assert.are.equal(3, #l) end)
  it("are compared deeply", function() assert.same({ 1, 2, 3 }, l) assert.are_not.same({ 1, 2 }, l) end)
  describe("with spies", function()
    it("count calls", function()
      local s = spy.new(function(x) return x * 2 end)
      assert.equal(4, s(2)) s(5)
      assert.spy(s).was.called(2)
      assert.spy(s).was.called_with(5)
    end)
    it("stub", function()
      local t = { f = function() return 1 end }
      stub(t, "f").returns(7)
      assert.equal(7, t.f())
      t.f:revert()
      assert.equal(1, t.f())
    end)
  end)
  it("match errors", function() assert.has_error(function() error("no", 0) end, "no") end)
  it("match errors by pattern", function() assert.error_matches(function() error("number 12") end, "number %d+") end)
  pending("later")
end)
F
cat >spec/bad_spec.lua <<'F'
describe("bad", function()
  it("differs", function() assert.same({ a = 1, b = { 2 } }, { a = 1, b = { 3 } }) end)
  it("throws", function() error("thrown") end)
  it("throws a table", function() error({ code = 1 }) end)
  it("calls nil", function() local t = {} t.x.y = 1 end)
  it("is fine", function() assert.truthy(1) end)
end)
F
for file in spec/good_spec.lua spec/bad_spec.lua; do
  for output in plainTerminal TAP utfTerminal gtest; do
    "$@" "$ECOSYSTEM_ROOT/usr/bin/busted" --output=$output --no-auto-insulate "$file" | sed -E "s,[0-9.]+ seconds,N seconds,; s,[0-9.]+ ms,N ms,; s,[A-Z][a-z]{2} [A-Z][a-z]{2} .*20..,DATE,"
    echo "code ${PIPESTATUS[0]}"
  done
done
"$@" "$ECOSYSTEM_ROOT/usr/bin/busted" --help
"$@" "$ECOSYSTEM_ROOT/usr/bin/busted" --list --no-auto-insulate spec/good_spec.lua
