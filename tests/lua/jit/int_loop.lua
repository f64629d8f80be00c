-- what: an integer loop in the main chunk enters compiled code by OSR and stays there
-- jit: compiled>=1 osr>=1 exits<=4
local s = 0
for i = 1, 200000 do s = s + i * 3 % 7 - i // 2 end
print(s)
