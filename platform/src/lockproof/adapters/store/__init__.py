"""Stores of DVC objects, one file for each kind behind one interface."""
