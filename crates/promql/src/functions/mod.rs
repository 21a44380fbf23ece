//! What functions exist and what they take. How they are computed is the evaluator's.

mod signature;

pub use signature::{FunctionSignature, function_signature, function_signatures};

#[cfg(test)]
mod tests;
