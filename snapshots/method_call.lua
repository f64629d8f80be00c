-- A method found through the metatable's __index, and inlined.
local Account = {}
Account.__index = Account

function Account:deposit(n)
  self.balance = self.balance + n
end

local function save(account, n)
  for i = 1, n do account:deposit(i) end
end

local account = setmetatable({ balance = 0 }, Account)

return function() save(account, 20) end
