-- group: alloc
-- Trees that are built, walked and dropped.
local function build(depth)
  if depth == 0 then return {} end
  return { left = build(depth - 1), right = build(depth - 1) }
end

local function check(tree)
  if not tree.left then return 1 end
  return 1 + check(tree.left) + check(tree.right)
end

local max = 16
local stretch = build(max + 1)
print(check(stretch))
stretch = nil
local long = build(max)
for depth = 4, max, 4 do
  local turns = 2 ^ (max - depth + 4)
  local sum = 0
  for _ = 1, turns do sum = sum + check(build(depth)) end
  print(depth, string.format("%d", sum))
end
print(check(long))
