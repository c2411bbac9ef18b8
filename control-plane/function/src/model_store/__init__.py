"""The Crossplane composition function behind the platform's ModelStore."""
