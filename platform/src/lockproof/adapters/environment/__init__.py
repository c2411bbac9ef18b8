"""What stages run in: the interpreter, packages, programs, variables and machine."""
