"""What fetching a directory's objects takes: `python pull_objects.py ROOT SCRATCH [TARGET]`.

With TARGET its files are laid out there, too, as for a stage.
"""

import resource
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast


def pull(root: Path, scratch: Path, target: Path | None) -> int:
    """Fetch what the `.dvc` file at the root names, as `reproduce` does; objects that came."""
    from dvc.repo import Repo

    from lockproof.adapters.dvc.objects import Need, ObjectStore
    from lockproof.adapters.dvc.project import Project
    from lockproof.model.digest import Digest
    from lockproof.model.pipeline import Out, Stage
    from lockproof.parse.listing import read_listing
    from lockproof.parse.yaml_document import read_yaml

    (file,) = root.glob("[!.]*.dvc")
    (document,) = read_yaml(file.read_bytes(), file.name)
    (told,) = document.value["outs"]
    out = Out(path=told["path"], locked=Digest(value=told["md5"]))
    stage = Stage(address=file.name, kind="data", file=file.name, outs=(out,))
    project: Any = SimpleNamespace(repo=Repo(str(root)), is_foreign=lambda _: False)
    store = ObjectStore(cast("Project", project), scratch, lambda: root / "no-cache", read_listing)
    lost = store.fetch([Need(out, stage)], lambda text: print(text, file=sys.stderr))
    assert not lost, lost[:3]
    if target is not None:
        assert out.locked is not None
        assert store.copy(out.locked, out.path, target)
    return sum(1 for path in scratch.rglob("*") if path.is_file())


if __name__ == "__main__":
    root, scratch, *target = map(Path, sys.argv[1:])
    count = pull(root, scratch, target[0] if target else None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count} objects, {peak} MiB")
