return { kind = "init of " .. ... }
