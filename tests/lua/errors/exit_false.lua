-- what: os.exit(false) gives 1
-- exit: 1
os.exit(false)
