# luacheck over files with and without warnings, and over its own sources.
cat >warn.lua <<'F'
local unused = 1
x = y
local function f(a, b) return a end
for i = 1, 10 do local i = i end
if true then end
local t = {a = 1, a = 2}
return f, t.z, function(...) local q = ... end
F
printf 'local a = = 2\n' >broken.lua
check="$ECOSYSTEM_ROOT/usr/bin/luacheck"
"$@" "$check" --no-color -j 1 --no-cache warn.lua broken.lua; echo "code $?"
"$@" "$check" --no-color -j 1 --no-cache --codes --ranges --formatter plain warn.lua; echo "code $?"
"$@" "$check" --no-color -j 1 --no-cache -q "$ECOSYSTEM_ROOT"/usr/share/lua/5.1/luacheck "$ECOSYSTEM_ROOT"/usr/share/lua/5.4/pl 2>&1 | sed "s#$ECOSYSTEM_ROOT##g" | sort
"$@" "$check" --help | head -20
