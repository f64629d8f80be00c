//! Embedding API of Selune.
