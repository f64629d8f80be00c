//! Runs bytecode and owns the meaning of Lua: semantics, calls, coroutines, errors, tier policy.
