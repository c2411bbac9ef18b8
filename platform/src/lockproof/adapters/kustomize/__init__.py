"""Kustomize itself: the program, and one build of what is handed to it."""
