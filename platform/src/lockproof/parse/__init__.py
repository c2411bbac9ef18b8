"""Files of a repository or a remote, read strictly: bytes in, values out, bounded in all."""
