"""The command line: one file per verb; each parses, calls one function, prints its result."""
