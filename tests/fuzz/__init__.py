"""Fuzzing of the parsers: `make fuzz`."""
