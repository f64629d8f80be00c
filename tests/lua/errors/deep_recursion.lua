-- what: 190,000 nested Lua calls work
local function d(n) if n == 0 then return 0 end return 1 + d(n - 1) end
print(d(190000))
local function sum(t, i) if t[i] == nil then return 0 end return t[i] + sum(t, i + 1) end
local t = {} for i = 1, 100000 do t[i] = i end print(sum(t, 1))
local o = { v = 1 } function o:down(n) if n == 0 then return self.v end local r = self:down(n - 1) return r + self.v end print(o:down(150000))
