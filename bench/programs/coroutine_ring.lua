-- group: coroutine
-- A token goes round a ring of coroutines.
local ring = {}
local size = 500
for i = 1, size do
  ring[i] = coroutine.create(function(token)
    while true do
      token = coroutine.yield((token * 3 + i) % 1000003)
    end
  end)
end
local token = 1
for _ = 1, 20000 do
  for i = 1, size do
    local _
    _, token = coroutine.resume(ring[i], token)
  end
end
print(token)
