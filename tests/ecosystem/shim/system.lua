-- Stands in for the C module system: time stands still, so that reports do not depend on it.
return {
  gettime = function() return 1000000 end,
  monotime = function() return 1 end,
  sleep = function() end,
  getenv = os.getenv,
  isatty = function() return false end,
  windows = false,
}
