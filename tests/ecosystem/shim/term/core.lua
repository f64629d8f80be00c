-- Part of the stand-in for the C module term.
return require("term")
