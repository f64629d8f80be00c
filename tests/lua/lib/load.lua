-- what: load with strings, reader functions, environments and modes
local function case(t) print("== " .. t) end
case "strings" print(load "return 1 + 1"()) print(load("return ...", "c")(1, 2)) print(load "syntax error here") print(type(load ""), select("#", load ""()))
case "readers" local parts = { "return ", "1", " + 2" } local i = 0 print(load(function() i = i + 1 return parts[i] end)()) print(select("#", load(function() return nil end)())) local n = 0 print(load(function() n = n + 1 if n == 1 then return "return " elseif n == 2 then return "'x'" else return "" end end)()) print(load(function() return {} end)) print(pcall(load, function() error("reader failed", 0) end)) print(pcall(load, 5)) print(pcall(load)) print(pcall(load, nil))
case "environment" local env = { x = 5 } print(load("return x", "c", "t", env)(), load("x = x + 1 return x", "c", "t", env)(), env.x, x) print(load("return _ENV", "c", "t", env)() == env) print(load("return x", "c", "t", nil) and "loaded")
case "mode" print(load("return 1", "c", "b")) print(load("return 1", "=c", "t")()) print(load("\27Lua", "=c", "t")) print(load("return 1", "=c", "bt")())
case "upvalue is _ENV" local f = load "a = 1 return function() return a end" print(f()()) a = nil
case "each load is a new closure" print(load "return function() end"() ~= load "return function() end"())
case "errors inside" print(pcall(load "error('e')")) print(pcall(load("error('e')", "=name"))) print(pcall(load("local a; a.b = 1", "@dir/file.lua")))
case "dofile and loadfile" local name = os.tmpname() local f = io.open(name, "w") f:write "#!first\nreturn 1, ..., x" f:close() print(select("#", dofile(name)), (dofile(name))) print(loadfile(name, "t", { x = "ex" })("arg")) print(loadfile "no/such/file.lua") print(pcall(dofile, "no/such/file.lua")) f = io.open(name, "w") f:write "x = = 1" f:close() print((select(2, loadfile(name)):gsub("^.*:1:", "FILE:1:"))) os.remove(name)
