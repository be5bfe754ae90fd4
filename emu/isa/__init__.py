"""A64 instructions: bit patterns and meanings, written once, against the operations of `ops`."""
