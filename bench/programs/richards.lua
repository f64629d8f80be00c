-- group: oop
-- An operating system's scheduler in the manner of Richards: tasks, packets, queues, with classes and methods.
local Packet = {}
Packet.__index = Packet
function Packet.new(link, ident, kind)
  return setmetatable({ link = link, ident = ident, kind = kind, datum = 0, data = { 0, 0, 0, 0 } }, Packet)
end
function Packet:append(list)
  self.link = nil
  if not list then return self end
  local p = list
  while p.link do p = p.link end
  p.link = self
  return list
end

local Task = {}
Task.__index = Task
local Scheduler = {}
Scheduler.__index = Scheduler

function Task.new(scheduler, ident, priority, queue)
  return setmetatable({ scheduler = scheduler, ident = ident, priority = priority, queue = queue, pending = queue ~= nil, held = false,
    waiting = queue == nil }, Task)
end
function Task:add_packet(packet, old)
  if not self.queue then
    self.queue = packet
    self.pending = true
    if self.priority > old.priority then return self end
  else
    self.queue = packet:append(self.queue)
  end
  return old
end
function Task:take()
  local packet = nil
  if self.waiting and self.pending then
    packet = self.queue
    self.queue = packet.link
    self.waiting = false
    self.pending = self.queue ~= nil
  end
  return packet
end
function Task:blocked()
  return self.held or (self.waiting and not self.pending)
end

local function class(base)
  local c = setmetatable({}, { __index = base })
  c.__index = c
  return c
end

local Idle = class(Task)
function Idle:run(_)
  self.count = self.count - 1
  if self.count == 0 then return self.scheduler:hold() end
  if self.control % 2 == 0 then
    self.control = math.floor(self.control / 2)
    return self.scheduler:release(5)
  end
  self.control = (math.floor(self.control / 2) + 53256) % 65536
  return self.scheduler:release(6)
end

local Worker = class(Task)
function Worker:run(packet)
  if not packet then return self.scheduler:wait() end
  self.target = self.target == 3 and 4 or 3
  packet.ident = self.target
  packet.datum = 0
  for i = 1, 4 do
    self.count = self.count % 26 + 1
    packet.data[i] = 64 + self.count
  end
  return self.scheduler:queue_packet(packet)
end

local Handler = class(Task)
function Handler:run(packet)
  if packet then
    if packet.kind == "work" then
      self.work = packet:append(self.work)
    else
      self.device = packet:append(self.device)
    end
  end
  local work = self.work
  if work then
    if work.datum >= 4 then
      self.work = work.link
      return self.scheduler:queue_packet(work)
    end
    local device = self.device
    if device then
      self.device = device.link
      work.datum = work.datum + 1
      device.datum = work.data[work.datum]
      return self.scheduler:queue_packet(device)
    end
  end
  return self.scheduler:wait()
end

local Device = class(Task)
function Device:run(packet)
  if not packet then
    if not self.saved then return self.scheduler:wait() end
    packet = self.saved
    self.saved = nil
    return self.scheduler:queue_packet(packet)
  end
  self.saved = packet
  return self.scheduler:hold()
end

function Scheduler.new()
  return setmetatable({ tasks = {}, order = {}, current = nil, queued = 0, holds = 0 }, Scheduler)
end
function Scheduler:add(class, ident, priority, queue, fields)
  local task = setmetatable(Task.new(self, ident, priority, queue), class)
  for k, v in pairs(fields) do task[k] = v end
  self.tasks[ident] = task
  local i = 1
  while self.order[i] and self.order[i].priority > priority do i = i + 1 end
  table.insert(self.order, i, task)
end
function Scheduler:pick()
  for _, task in ipairs(self.order) do
    if not task:blocked() then return task end
  end
end
function Scheduler:hold()
  self.holds = self.holds + 1
  self.current.held = true
  return self:pick()
end
function Scheduler:wait()
  self.current.waiting = true
  return self:pick()
end
function Scheduler:release(ident)
  local task = self.tasks[ident]
  task.held = false
  if task.priority > self.current.priority then return task end
  return self.current
end
function Scheduler:queue_packet(packet)
  local target = self.tasks[packet.ident]
  self.queued = self.queued + 1
  packet.link = nil
  packet.ident = self.current.ident
  return target:add_packet(packet, self.current)
end
function Scheduler:run()
  local task = self:pick()
  while task do
    if task:blocked() then
      task = self:pick()
    else
      self.current = task
      task = task:run(task:take())
    end
  end
end

local function richards()
  local s = Scheduler.new()
  s:add(Idle, 1, 0, nil, { count = 10000, control = 1, waiting = false })
  local q = Packet.new(nil, 2, "work")
  q = Packet.new(q, 2, "work")
  s:add(Worker, 2, 1000, q, { target = 3, count = 0, waiting = true })
  for ident = 3, 4 do
    local d = Packet.new(nil, ident + 2, "device")
    d = Packet.new(d, ident + 2, "device")
    d = Packet.new(d, ident + 2, "device")
    s:add(Handler, ident, ident * 1000, d, { waiting = true })
  end
  s:add(Device, 5, 4500, nil, {})
  s:add(Device, 6, 5000, nil, {})
  s:run()
  return s.queued, s.holds
end

local queued, holds = 0, 0
for _ = 1, 40 do
  local q, h = richards()
  queued, holds = queued + q, holds + h
end
print(queued, holds)
