"""Git: the repository, its commits as trees of files, and work trees."""
