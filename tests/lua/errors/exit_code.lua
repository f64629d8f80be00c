-- what: os.exit with a code
-- exit: 7
io.write "flushed"
os.exit(7)
