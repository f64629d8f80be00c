# The documentation generator ldoc: a page for a module.
cat >mod.lua <<'F'
--- A module for testing.
-- Longer text with `code` and @{mod.add}.
-- @module mod
local mod = {}

--- Adds numbers.
-- @tparam number a the first
-- @tparam[opt=1] number b the second
-- @treturn number the sum
-- @usage print(mod.add(1, 2))
function mod.add(a, b) return a + (b or 1) end

--- A point.
-- @table Point
-- @field x the x
-- @field y the y

--- Does nothing.
-- @param ... anything
-- @return nothing
-- @raise an error
-- @see add
function mod.nothing(...) end

return mod
F
"$@" "$ECOSYSTEM_ROOT/usr/bin/ldoc" --date=today -d out mod.lua
cat out/index.html
"$@" "$ECOSYSTEM_ROOT/usr/bin/ldoc" --dump mod.lua
