"""Before the server starts: give its authentication the administrator, its database the schema.

Writes $MLFLOW_AUTH_CONFIG_PATH: /config/basic_auth.ini, which is in Git, with the administrator's
name and password, which are not. Then upgrades the database, if there is one, to the schema of this
image; a database of a newer MLflow is an error and stays as it is.
"""

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from sqlalchemy import create_engine, inspect

config = ConfigParser(interpolation=None)
config.read(Path(__file__).with_name("basic_auth.ini"))
for name in ("username", "password"):
    value = os.environ.get(f"MLFLOW_AUTH_ADMIN_{name.upper()}")
    if not value:
        sys.exit(
            f"prepare: MLFLOW_AUTH_ADMIN_{name.upper()} is not set: see the secret mlflow-auth"
        )
    config["mlflow"][f"admin_{name}"] = value.replace("%", "%%")  # MLflow interpolates

descriptor = os.open(
    os.environ["MLFLOW_AUTH_CONFIG_PATH"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
)
with open(descriptor, "w") as file:
    config.write(file)

uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
if not inspect(create_engine(uri)).has_table("alembic_version"):
    print("prepare: the database is empty; the server makes it", file=sys.stderr)
    sys.exit(0)
sys.exit(subprocess.run(["mlflow", "db", "upgrade", uri], check=False).returncode)
