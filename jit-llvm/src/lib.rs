//! The optimising compiler: bytecode and feedback to typed SSA to LLVM machine code.
