"""Where proofs live: beside the data in a DVC remote, and in Git notes where that is asked for."""
