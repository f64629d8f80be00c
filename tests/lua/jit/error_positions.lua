-- what: errors from compiled code carry the line of the failing operation
local function arith(a, b)
  local x = a
  local y = x +
    b
  return y
end
local function index(t)
  local v = t.a
  v = v.b
  return v.c
end
local function call(f)
  local r = 1
  f(r)
  return r
end
local function loop(t)
  local s = 0
  for i = 1, #t do
    s = s +
      t[i]
  end
  return s
end
local function inner(t) return t.v * 2 end
local function outer(t)
  local a = inner(t)
  return a + 1
end
for i = 1, 60 do arith(i, i) index { a = { b = { c = 1 } } } call(tostring) loop { 1, 2, 3 } outer { v = i } end
print(pcall(arith, 1, nil)) print(pcall(arith, {}, 1)) print(pcall(index, {})) print(pcall(index, { a = {} })) print(pcall(index, { a = { b = 5 } })) print(pcall(index, nil)) print(pcall(call, nil)) print(pcall(call, { }))
print(pcall(loop, { 1, "x", 3 })) print(pcall(loop, { 1, {}, 3 })) print(pcall(outer, {})) print(pcall(outer, 5)) print(pcall(loop, 7))
local function multi(a)
  return a.x, a.y,
    a.z.w,
    a.q
end
for i = 1, 60 do multi { z = {} } end print(pcall(multi, {}))
local function cmp(a, b) if a < b then return 1 end return 2 end for i = 1, 60 do cmp(i, 5) end print(pcall(cmp, 1, "x")) print(pcall(cmp, {}, {})) local function cat(a) return "x" .. a .. "y" end for i = 1, 60 do cat(i) end print(pcall(cat, {})) local function idiv(a, b) return a // b, a % b end for i = 1, 60 do idiv(i, 3) end print(pcall(idiv, 1, 0)) print(idiv(1, 0.0)) local function fr(a) for i = a, 3 do end end for i = 1, 60 do fr(i) end print(pcall(fr, "x")) print(pcall(fr, nil))
local function glob() return undefinedglobal.x end print(pcall(glob)) undefinedglobal = { x = 1 } for i = 1, 60 do glob() end undefinedglobal = nil print(pcall(glob))
local function lv(n) error("lvl " .. n, n) end local function l2(n) lv(n) return 1 end for i = 1, 60 do pcall(l2, 1) end print(pcall(l2, 1)) print(pcall(l2, 2)) print(pcall(l2, 0))
