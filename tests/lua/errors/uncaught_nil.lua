-- what: an uncaught nil error
-- exit: 1
error(nil)
