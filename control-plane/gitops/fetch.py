"""Download the model version that Git names, and refuse it unless Git's digest is its own.

$MODEL_URI is an MLflow model URI with a version; $MODEL_DIGEST is md5:HEX or sha256:HEX of one file
in it, as dvc.lock has it. Where $MODEL_TRUST, a folder, has keys in it, one of them has to have
signed that file too (proof.py). Exit codes: 0 the model is in /model, 1 it is another model or not
proved, 2 a wrong setting.
"""

import hashlib
import os
import re
import sys
from pathlib import Path

uri, digest = os.environ["MODEL_URI"], os.environ["MODEL_DIGEST"]
target = Path(os.environ.get("MODEL_TARGET", "/model"))
trust = Path(os.environ.get("MODEL_TRUST", "/trust"))
if not re.fullmatch(r"models:/[^/@]+/[0-9]+", uri):
    print(f"fetch: {uri} must be models:/NAME/VERSION: an alias can move", file=sys.stderr)
    sys.exit(2)
if not re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", digest):
    print("fetch: MODEL_DIGEST must be md5:HEX or sha256:HEX", file=sys.stderr)
    sys.exit(2)

import mlflow.artifacts  # noqa: E402 - takes seconds, which a wrong setting need not wait for

algorithm, expected = digest.split(":")
mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target))
found = {}
for path in sorted(p for p in target.rglob("*") if p.is_file()):
    with path.open("rb") as file:
        found[hashlib.file_digest(file, algorithm).hexdigest()] = path.relative_to(target)
if expected not in found:
    print(f"fetch: no file of {uri} has {digest}: not the model that Git names", file=sys.stderr)
    sys.exit(1)
by = ""
if trust.is_dir() and any(trust.iterdir()):
    from proof import Unproved, prove

    try:
        name = uri.removeprefix("models:/").rpartition("/")[0]
        by = f", signed by {prove(target, target / found[expected], digest, name, trust)[:12]}"
    except Unproved as error:
        print(f"fetch: {uri}: {found[expected]} is not proved: {error}", file=sys.stderr)
        sys.exit(1)
print(f"fetch: {uri}: {found[expected]} is {digest}{by}")
