-- what: functions with loops survive string.dump and load: the last register may be live at a back edge
local function round(name, source, ...)
  local f = assert(load(source))
  for _, strip in ipairs { false, true } do
    local g, message = load(string.dump(f, strip))
    print(name, g and g(...) or message)
  end
end

print("== while with two parameters and no temporary")
round("while", "local function f(a, b) while a do if b then break else a = a ~= 1 and a - 1 end end return a end return f(5)")
print("== while true")
round("true", "local function f(a) while true do if a > 9 then return a end a = a + 1 end end return f(5)")
print("== repeat")
round("repeat", "local function f(a) repeat a = a - 1 until a < 0 return a end return f(5)")
print("== goto")
round("goto", "local function f(a) ::top:: if a < 10 then a = a + 1 goto top end return a end return f(5)")
