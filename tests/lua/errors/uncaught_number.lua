-- what: an uncaught number is printed as a message
-- exit: 1
error(42)
