//! Opening, selecting from and reading a block.
fn main() {}
