-- what: warn writes to standard error when switched on
warn("hidden") warn "@on" warn("a ", "b", "c") warn "@off" warn "hidden" warn "@on" warn "again" warn "@unknown" print(pcall(warn)) print(pcall(warn, {}))
