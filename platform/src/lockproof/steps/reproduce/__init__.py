"""`lockproof reproduce`: make every locked output again and compare."""
