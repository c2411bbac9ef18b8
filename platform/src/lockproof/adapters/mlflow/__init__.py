"""MLflow: runs and models in a tracking store."""
