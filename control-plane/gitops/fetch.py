"""Download the model version that Git names, and refuse it unless Git's digest is its own.

$MODEL_URI is an MLflow model URI with a version; $MODEL_DIGEST is md5:HEX or sha256:HEX of one file
in it, as dvc.lock has it. The arguments, for tests, are the folders of the model and of the keys
(/model, /trust): no variable names them, since many things can set one. Where the second has
anything in it, one of its keys has to have signed that file too (proof.py). Exit codes: 0 the model
is in /model, 1 it is another model or not proved, 2 a wrong setting.
"""

import hashlib
import os
import re
import sys
from pathlib import Path

uri, digest = os.environ["MODEL_URI"], os.environ["MODEL_DIGEST"]
target, trust = (Path(p) for p in sys.argv[1:] or ("/model", "/trust"))
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
# The links that the kubelet makes (`..data`) are there even where the ConfigMap is not.
if trust.is_dir() and any(not p.name.startswith("..") for p in trust.iterdir()):
    sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out
    from proof import Unproved, prove

    try:
        name = uri.removeprefix("models:/").rpartition("/")[0]
        by = f", signed by {prove(target, target / found[expected], digest, name, trust)[:12]}"
    except Unproved as error:
        print(f"fetch: {uri}: {found[expected]} is not proved: {error}", file=sys.stderr)
        sys.exit(1)
print(f"fetch: {uri}: {found[expected]} is {digest}{by}")
