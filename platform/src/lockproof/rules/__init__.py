"""Pure rules: facts in, findings out; one file or folder per family."""
