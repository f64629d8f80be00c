//! Lua source to bytecode: lexer, parser, scopes, emitter.
