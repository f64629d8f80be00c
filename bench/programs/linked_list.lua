-- group: alloc
-- Singly linked lists: build, reverse, merge sort, filter.
local function build(n, seed)
  local list = nil
  for _ = 1, n do
    seed = (seed * 16807) % 2147483647
    list = { value = seed % 100000, next = list }
  end
  return list
end

local function reverse(list)
  local result = nil
  while list do
    result = { value = list.value, next = result }
    list = list.next
  end
  return result
end

local function merge(a, b)
  local head = { value = 0, next = nil }
  local tail = head
  while a and b do
    if a.value <= b.value then
      tail.next, a = a, a.next
    else
      tail.next, b = b, b.next
    end
    tail = tail.next
  end
  tail.next = a or b
  return head.next
end

local function sort(list)
  if not list or not list.next then return list end
  local slow, fast = list, list.next
  while fast and fast.next do
    slow, fast = slow.next, fast.next.next
  end
  local second = slow.next
  slow.next = nil
  return merge(sort(list), sort(second))
end

local function length(list)
  local n = 0
  while list do
    n, list = n + 1, list.next
  end
  return n
end

local total = 0
for round = 1, 18 do
  local list = reverse(reverse(build(30000, round)))
  list = sort(list)
  total = total + length(list) + list.value
  local last = -1
  local p = list
  while p do
    assert(p.value >= last)
    last, p = p.value, p.next
  end
end
print(total)
