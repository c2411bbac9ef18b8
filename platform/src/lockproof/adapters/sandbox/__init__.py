"""Running the commands of a commit: apart, limited, watched."""
