"""Values without I/O: what lockproof reads, compares and reports."""
