-- what: method calls with one, several and many receivers; changed methods
-- jit: compiled>=1
local A = {} A.__index = A function A.new(v) return setmetatable({ v = v }, A) end function A:get() return self.v end function A:add(n) self.v = self.v + n return self end
local B = setmetatable({}, { __index = A }) B.__index = B function B.new(v) local o = A.new(v) return setmetatable(o, B) end function B:get() return A.get(self) * 10 end
local C = setmetatable({}, { __index = B }) C.__index = C
local function total(list) local s = 0 for i = 1, #list do s = s + list[i]:get() end return s end
local as, mix = {}, {} for i = 1, 100 do as[i] = A.new(i) mix[i] = (i % 3 == 0 and A or i % 3 == 1 and B or B).new(i) end
for i = 1, 10 do total(as) end print(total(as), total(mix)) mix[50] = setmetatable({ v = 7 }, C) print(total(mix)) mix[51] = { get = function() return 1000 end } print(total(mix)) print(pcall(total, { A.new(1), {} }))
A.get = function(self) return -self.v end print(total(as), total(mix)) function C:get() return 5 end print(total(mix)) B.get = nil print(total(mix)) A.get = nil print(pcall(total, as)) A.get = function() return 1 end print(total(as), total(mix))
local o = A.new(0) for i = 1, 1000 do o:add(i):add(-1) end print(o.v)
local shapes = {} for i = 1, 8 do local K = {} K.__index = K K.area = function(s) return s.w * i end shapes[i] = setmetatable({ w = i }, K) end local s = 0 for r = 1, 200 do for i = 1, 8 do s = s + shapes[i]:area() end end print(s)
