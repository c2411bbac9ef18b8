"""`python -m model_store`: serve the function."""

from .function import main

main()
