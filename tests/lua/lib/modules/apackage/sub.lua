return { kind = "sub " .. ... }
