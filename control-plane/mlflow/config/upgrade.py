"""Bring MLflow's database to the schema of this image, if it holds one; refuse a newer one."""

import os
import subprocess
import sys

from sqlalchemy import create_engine, inspect

uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
if not inspect(create_engine(uri)).has_table("alembic_version"):
    print("upgrade: the database is empty; the server makes it", file=sys.stderr)
    sys.exit(0)
sys.exit(subprocess.run(["mlflow", "db", "upgrade", uri], check=False).returncode)
