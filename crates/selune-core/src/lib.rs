//! What a running Lua program is made of: values, heap, objects, opcode table, protos, feedback.
