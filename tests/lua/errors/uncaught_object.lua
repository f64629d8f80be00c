-- what: an uncaught error object without __tostring
-- exit: 1
io.write "partial"
error({ code = 2 })
