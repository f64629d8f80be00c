-- what: compiled code is left inside the metamethod of a comparison; variables that live behind the skipped jump keep their values
-- jit: compiled>=1
local V = {}
V.__index = V
local function mk(x) return setmetatable({ x = x }, V) end
V.__eq = function(a, b) return a.x == b.x end
V.__lt = function(a, b) return a.x < b.x end
V.__le = function(a, b) return a.x <= b.x end
local limit = mk(2)
local function less() local n = 0 for i = 1, 9 do local kept = limit if mk(i) < kept then n = n + (kept == limit and 1 or 1000) end end return n end
local function not_more() local n = 0 for i = 1, 9 do local kept = limit if mk(i) <= kept then n = n + (kept == limit and 1 or 1000) end end return n end
local function equal() local n = 0 for i = 1, 9 do local kept = limit if mk(i) == kept then n = n + (kept == limit and 1 or 1000) end end return n end
local function other() local n = 0 for i = 1, 9 do local kept = limit if mk(i) ~= kept then n = n + (kept == limit and 1 or 1000) end end return n end
for _, round in ipairs { less, not_more, equal, other } do
  local results = {}
  limit = mk(2)
  for turn = 1, 30 do
    results[turn] = round()
    if turn % 7 == 2 then limit = mk(turn + 3.0) elseif turn % 7 == 5 then limit = mk(turn // 7) end
  end
  print(table.concat(results, " "))
end
