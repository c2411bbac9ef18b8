"""Pure rules: facts in, findings out; one file per family."""
