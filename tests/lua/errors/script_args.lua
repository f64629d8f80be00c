-- what: script arguments are in arg and in the vararg of the chunk
-- args: one two 3
print(...) print(#arg, arg[1], arg[2], arg[3], arg[0], arg[-1] ~= nil) print(select("#", ...))
