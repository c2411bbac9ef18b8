"""Download the model version that Git names, and refuse it unless Git's digest is its own.

$MODEL_URI is an MLflow model URI with a version. $MODEL_DIGEST is of one file in it, md5:HEX or
sha256:HEX, or of one folder, md5:HEX.dir, as dvc.lock has them; all files of a folder count, and no
other. The arguments, for tests, are the folders of the model and of the keys (/model, /trust): no
variable names them, since many things can set one. Where the second has anything in it, one of its
keys has to have signed that file or folder too (proof.py). Exit codes: 0 the model is in /model, 1
it is another model or not proved, 2 a wrong setting.
"""

import hashlib
import json
import os
import re
import sys
from pathlib import Path

uri, digest = os.environ["MODEL_URI"], os.environ["MODEL_DIGEST"]
target, trust = (Path(p) for p in sys.argv[1:] or ("/model", "/trust"))
if not re.fullmatch(r"models:/[^/@]+/[0-9]+", uri):
    print(f"fetch: {uri} must be models:/NAME/VERSION: an alias can move", file=sys.stderr)
    sys.exit(2)
if not re.fullmatch(r"md5:[0-9a-f]{32}([.]dir)?|sha256:[0-9a-f]{64}", digest):
    print("fetch: MODEL_DIGEST must be md5:HEX, md5:HEX.dir or sha256:HEX", file=sys.stderr)
    sys.exit(2)

import mlflow.artifacts  # noqa: E402 - takes seconds, which a wrong setting need not wait for

# At the top beside a model, and no part of it; the last is MLflow's note of what it fetched.
BESIDE = ("lockproof-model.json", "lockproof-proof.jsonl", "registered_model_meta")
algorithm, expected = digest.split(":")


def below(folder, files):
    """The files of a folder of the model, by their path in it; `.` is the top."""
    if folder == ".":
        return {path: file for path, file in files.items() if path not in BESIDE}
    start = f"{folder}/"
    return {p.removeprefix(start): f for p, f in files.items() if p.startswith(start)}


def listing(folder, sums):
    """The digest of a folder as DVC computes it: the MD5 of the list of its files and theirs."""
    files = sorted(below(folder, sums).items())
    content = json.dumps([{"md5": md5, "relpath": path} for path, md5 in files]).encode()
    return f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir"


mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target))
files = {p.relative_to(target).as_posix(): p for p in sorted(target.rglob("*")) if p.is_file()}
sums = {}
for path, file in files.items():
    with file.open("rb") as content:
        sums[path] = hashlib.file_digest(content, algorithm).hexdigest()
if expected.endswith(".dir"):
    folders = {str(parent) for path in files for parent in Path(path).parents}
    found = next((each for each in sorted(folders) if listing(each, sums) == expected), None)
else:
    found = next((path for path, each in sums.items() if each == expected), None)
if found is None:
    what = "folder" if expected.endswith(".dir") else "file"
    print(f"fetch: no {what} of {uri} has {digest}: not the model that Git names", file=sys.stderr)
    sys.exit(1)
by = ""
# The links that the kubelet makes (`..data`) are there even where the ConfigMap is not.
if trust.is_dir() and any(not p.name.startswith("..") for p in trust.iterdir()):
    sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out
    from proof import Unproved, prove

    try:
        name = uri.removeprefix("models:/").rpartition("/")[0]
        model = below(found, files) if expected.endswith(".dir") else {"": files[found]}
        by = f", signed by {prove(target, model, digest, name, trust)[:12]}"
    except Unproved as error:
        print(f"fetch: {uri}: {found} is not proved: {error}", file=sys.stderr)
        sys.exit(1)
print(f"fetch: {uri}: {found} is {digest}{by}")
