"""Sequential statistics: what may be looked at after every interval. Pure, no I/O."""
