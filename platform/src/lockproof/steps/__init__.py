"""One verb each: wiring between adapters, rules, comparison and report."""
