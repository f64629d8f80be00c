-- group: alloc
-- Queues: objects are pushed at one end of a list and popped at the other.
local Queue = {}
Queue.__index = Queue
function Queue.new() return setmetatable({ first = 1, last = 0, items = {} }, Queue) end
function Queue:push(v)
  self.last = self.last + 1
  self.items[self.last] = v
end
function Queue:pop()
  local v = self.items[self.first]
  self.items[self.first] = nil
  self.first = self.first + 1
  return v
end
local sum = 0
local queue = Queue.new()
for i = 1, 1500000 do
  queue:push({ id = i })
  if i % 2 == 0 then sum = sum + queue:pop().id end
end
for round = 1, 40 do
  local short = Queue.new()
  for i = 1, 50000 do
    short:push({ id = i })
    if i > 100 then sum = sum + short:pop().id end
  end
end
print(sum)
