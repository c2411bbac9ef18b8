"""lockproof proves that what a Git commit claims about its data, code and models is true."""

__version__ = "0.1.0"
