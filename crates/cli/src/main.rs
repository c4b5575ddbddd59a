//! The command line of keybearer.

fn main() {}
