"""DVC: a project as DVC reads it, and the objects in its cache and remotes."""
