"""`lockproof gate`: block a merge unless data, code and models are versioned."""
