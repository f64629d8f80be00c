-- Stands in for the C module term: standard output is no terminal.
local function plain(...) return table.concat { ... } end
return {
  isatty = function() return false end,
  colors = setmetatable({}, { __index = function() return setmetatable({}, { __call = function(_, s) return s or "" end,
    __tostring = function() return "" end, __concat = function(a, b) return tostring(a) .. tostring(b) end }) end }),
  clear = plain, cleareol = plain,
}
