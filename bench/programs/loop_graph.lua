-- group: oop
-- Loop detection in a control-flow graph: depth-first numbering, dominators, back edges, natural loops.
local Block = {}
Block.__index = Block
function Block.new(id) return setmetatable({ id = id, succ = {}, pred = {}, number = 0, idom = nil, depth = 0 }, Block) end
function Block:to(other)
  self.succ[#self.succ + 1] = other
  other.pred[#other.pred + 1] = self
end

local Graph = {}
Graph.__index = Graph
function Graph.new() return setmetatable({ blocks = {}, order = {} }, Graph) end
function Graph:block()
  local b = Block.new(#self.blocks + 1)
  self.blocks[b.id] = b
  return b
end
function Graph:straight(from, n)
  for _ = 1, n do
    local b = self:block()
    from:to(b)
    from = b
  end
  return from
end
function Graph:diamond(from)
  local left, right, join = self:block(), self:block(), self:block()
  from:to(left)
  from:to(right)
  left:to(join)
  right:to(join)
  return join
end
function Graph:loop(from, depth)
  local header = self:straight(from, 1)
  local body = self:diamond(header)
  if depth > 0 then
    for _ = 1, 2 do body = self:loop(body, depth - 1) end
  end
  local tail = self:straight(body, 1)
  tail:to(header)
  local exit = self:block()
  header:to(exit)
  return exit
end

function Graph:number()
  local order, seen = {}, {}
  local function visit(b)
    seen[b] = true
    for _, s in ipairs(b.succ) do
      if not seen[s] then visit(s) end
    end
    order[#order + 1] = b
  end
  visit(self.blocks[1])
  local n = #order
  for i, b in ipairs(order) do b.number = n + 1 - i end
  self.order = {}
  for i = n, 1, -1 do self.order[n + 1 - i] = order[i] end
end

function Graph:dominators()
  local entry = self.order[1]
  entry.idom = entry
  local changed = true
  while changed do
    changed = false
    for i = 2, #self.order do
      local b, new = self.order[i], nil
      for _, p in ipairs(b.pred) do
        if p.idom then
          if not new then
            new = p
          else
            local x, y = p, new
            while x ~= y do
              while x.number > y.number do x = x.idom end
              while y.number > x.number do y = y.idom end
            end
            new = x
          end
        end
      end
      if b.idom ~= new then
        b.idom = new
        changed = true
      end
    end
  end
end

function Graph:loops()
  local count, members = 0, 0
  for _, b in ipairs(self.order) do
    for _, s in ipairs(b.succ) do
      local d = b
      while d ~= s and d ~= d.idom do d = d.idom end
      if d == s then
        count = count + 1
        local inside, work = { [s] = true }, { b }
        while #work > 0 do
          local x = table.remove(work)
          if not inside[x] then
            inside[x] = true
            x.depth = x.depth + 1
            members = members + 1
            for _, p in ipairs(x.pred) do work[#work + 1] = p end
          end
        end
      end
    end
  end
  return count, members
end

local loops, members, blocks = 0, 0, 0
for round = 1, 300 do
  local g = Graph.new()
  local b = g:block()
  for _ = 1, 5 + round % 3 do b = g:loop(b, 4) end
  g:number()
  g:dominators()
  local l, m = g:loops()
  loops, members, blocks = loops + l, members + m, blocks + #g.blocks
end
print(loops, members, blocks)
