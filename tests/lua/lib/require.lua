-- what: require finds Lua modules through package.path, once
local function case(t) print("== " .. t) end
package.path = "./modules/?.lua;./modules/?/init.lua"
case "a module" local m, where = require "amodule" print(m.name, where, m.arg) print(require "amodule" == m, select("#", require "amodule"), package.loaded.amodule == m)
case "init files and dots" print(require("apackage").kind, require("apackage.sub").kind, (select(2, require "apackage.sub")))
case "values" print(require "returns_nothing", package.loaded.returns_nothing) print(require "returns_false") package.loaded.preset = "v" print(require "preset")
case "preload" package.preload.pre = function(...) print("preload", ...) return { p = 1 } end print(require("pre").p, select(2, require "pre"))
case "errors" print(pcall(require, "no.such.module")) print((select(2, pcall(require, "has_error")))) print((select(2, pcall(require, "has_syntax_error")))) print(pcall(require))
case "searchpath" print(package.searchpath("amodule", package.path)) print(package.searchpath("none.x", "./?.lua;./?.x")) print(package.searchpath("a-b", "?", "-", "+")) print(package.config:sub(1, 1), type(package.cpath), #package.searchers)
case "package.path must be a string" package.path = nil print(pcall(require, "zzz"))
