-- what: natives that call back, to the limit of C levels, where the compiled part of a coroutine's native stack is used up
-- jit: coroutines>=20
local wrap = coroutine.wrap
local function spin(n) local s = 0 for i = 1, n do s = s + i end return s end
local kinds = {
  function(f) table.sort({ 2, 1 }, function(a, b) f() return a < b end) end,
  function(f) return (("x"):gsub("x", function() f() end)) end,
  function(f) return (("x"):rep(190):gsub(("x?"):rep(190), function() f() end)) end,
  function(f) return tostring(setmetatable({}, { __tostring = function() f() return "x" end })) end,
  function(f) return ("%s"):format(setmetatable({}, { __tostring = function() f() return "x" end })) end,
  function(f) local done return load(function() if not done then done = true f() return "return " .. ("("):rep(100) .. "1" .. (")"):rep(100) end end) ~= nil end,
  function(f) return table.concat(setmetatable({}, { __index = function() f() return "x" end, __len = function() return 1 end })) end,
  function(f) return pcall(f) end,
  function(f) return coroutine.resume(coroutine.create(f)) end,
  function(f) return setmetatable({}, { __index = function() f() return 1 end }).x end,
  function(f) return setmetatable({}, { __add = function() f() return 1 end }) + 1 end,
  function(f) return table.unpack(setmetatable({}, { __index = function() f() return 1 end }), 1, 1) end,
  function(f) return table.insert(setmetatable({}, { __newindex = function() f() end, __len = function() return 0 end }), 1) end,
  function(f) package.loaded.zz = nil package.preload.zz = function() f() return 1 end return require "zz" end,
}
for i, k in ipairs(kinds) do
  for round = 1, 3 do
    local max = 0
    local ok, e = wrap(function()
      spin(300)
      local function rec(n) if n > max then max = n end if n < 250 then return k(function() rec(n + 1) end) end end
      local function down(n) if n == 0 then return (rec(1)) end local r = down(n - 1) return r end
      for i = 1, 3 do pcall(down, 10) end
      return pcall(down, 6000)
    end)()
    if round == 3 then print(i, ok, e, max) end
  end
end
