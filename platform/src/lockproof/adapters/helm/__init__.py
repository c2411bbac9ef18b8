"""Helm itself: the program, and what it makes of a chart that is handed to it."""
