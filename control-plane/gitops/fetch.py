"""Download the model version that Git names, and refuse it unless Git's digest is its own.

$MODEL_URI is an MLflow model URI with a version. $MODEL_DIGEST is of one file in it, md5:HEX or
sha256:HEX, or of one folder, md5:HEX.dir, as dvc.lock has them; all files of a folder count, and no
other. What is not that file or folder is removed, but for an MLmodel beside a file that has MLflow
load just this (mlmodel.py). The arguments, for tests, are the folders of the model and of the keys
(/model, /trust): no variable names them, since many things can set one. Where the second has
anything in it, one of its keys has to have signed that file or folder too (proof.py). Exit codes: 0
the model is in /model, 1 it is another model or not proved, 2 a wrong setting.
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


def refuse(why):
    """End with exit code 1, and say why."""
    print(f"fetch: {why}", file=sys.stderr)
    sys.exit(1)


mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target))
below_it = sorted(target.rglob("*"))
for path in below_it:
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        refuse(f"{path.relative_to(target)!s} of {uri} is a link or no regular file")
files = {path.relative_to(target).as_posix(): path for path in below_it if path.is_file()}
sums = {}
for path, file in files.items():
    with file.open("rb") as content:
        sums[path] = hashlib.file_digest(content, algorithm).hexdigest()
sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out
if expected.endswith(".dir"):
    folders = {str(parent) for path in files for parent in Path(path).parents}
    found = {
        each: below(each, files) for each in sorted(folders) if listing(each, sums) == expected
    }
else:
    found = {path: {"": files[path]} for path, each in sums.items() if each == expected}
if not found:
    what = "folder" if expected.endswith(".dir") else "file"
    refuse(f"no {what} of {uri} has {digest}: not the model that Git names")
by = ""
# The links that the kubelet makes (`..data`) are there even where the ConfigMap is not.
if trust.is_dir() and any(not p.name.startswith("..") for p in trust.iterdir()):
    from proof import Unproved, prove

    name = uri.removeprefix("models:/").rpartition("/")[0]
    for each, model in found.items():
        try:
            by = f", signed by {prove(target, model, digest, name, trust)[:12]}"
        except Unproved as error:
            refuse(f"{uri}: {each} is not proved: {error}")
kept = {file for model in found.values() for file in model.values()}
kept |= {files[path] for path in BESIDE if path in files}
if not expected.endswith(".dir") and "MLmodel" in files:
    from mlmodel import KIT, loads_only

    if not any(loads_only(path, files) for path in found):
        refuse(
            f"the MLmodel of {uri} is not as 'lockproof register' writes it for {min(found)}:"
            " MLflow could load something else; register the model again, or as a folder (pyfunc)"
        )
    kept |= {files[path] for path in KIT if path in files}
removed = [path for path in reversed(below_it) if path.is_file() and path not in kept]
for path in removed:
    path.unlink()
for path in reversed(below_it):
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()
if removed:
    print(f"fetch: {uri}: removed {len(removed)} files that {digest} is not about")
print(f"fetch: {uri}: {min(found)} is {digest}{by}")
