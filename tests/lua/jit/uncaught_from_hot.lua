-- what: an uncaught error in compiled code ends the program with PUC's traceback
-- exit: 1
local function fail(i, t)
  if i == 500 then
    return t.missing.field
  end
  return i
end
local function work(t)
  local s = 0
  for i = 1, 1000 do
    s = s + fail(i, t)
  end
  return s
end
print "start"
work({})
