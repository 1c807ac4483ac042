"""A study as one file that a stranger can check: an RO-Crate, packed, from which its report is made again."""
