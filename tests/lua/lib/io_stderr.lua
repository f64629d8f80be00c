-- what: io.stderr writes to standard error
io.write "out\n" io.stderr:write("err ", 1, "\n") print(io.stderr:write "" == io.stderr)
