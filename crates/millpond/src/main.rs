//! The program: command line, configuration, the list of services, the demo.

fn main() {}
