"""What differs between two commits by the lists of their files, against Git's own ids of trees."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.adapters.git.links import LINK
from lockproof.adapters.git.paths import blob_in
from lockproof.adapters.git.repository import GitRepository, run_git
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.steps.reproduce.affected import touched_since

from .pipelines import new_project

OIDS = ["a" * 40, "b" * 40]
ENTRY = st.tuples(st.sampled_from(["100644", "100755", LINK, "160000"]), st.sampled_from(OIDS))
PATH = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATH, ENTRY, max_size=5)


def free(files: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Without what lies in another file."""
    parents = {path: {str(p) for p in PurePosixPath(path).parents} for path in files}
    return {path: files[path] for path in files if parents[path].isdisjoint(files)}


def module(files: Mapping[str, tuple[str, str]], path: str) -> str | None:
    """The submodule that a path lies in."""
    above = map(str, PurePosixPath(path).parents)
    return next((folder for folder in above if files.get(folder, "")[:1] == ("160000",)), None)


def commit(git: GitRepository, files: Mapping[str, tuple[str, str]], index: Path) -> str:
    index.unlink(missing_ok=True)
    listing = "".join(f"{mode} {oid}\t{path}\n" for path, (mode, oid) in files.items())
    there = {"GIT_INDEX_FILE": str(index)}
    run_git(git.root, "update-index", "--index-info", extra=there, given=listing.encode())
    tree = run_git(git.root, "write-tree", "--missing-ok", extra=there).decode().strip()
    return run_git(git.root, "commit-tree", tree, "-m", "x").decode().strip()


def test_as_git_has_it(tmp_path: Path) -> None:
    root = new_project(tmp_path).root
    git = GitRepository.discover(root)

    @settings(max_examples=40, deadline=None, database=None)
    @given(FILES.map(free), FILES.map(free))
    @example({"a": ("160000", OIDS[0])}, {"a/a": ("160000", OIDS[0])})
    def agree(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> None:
        one, other = (commit(git, files, tmp_path / "index") for files in (before, after))
        differing, touched = touched_since(Snapshot(git, one), Snapshot(git, other))
        assert differing == {p for p in {**before, **after} if before.get(p) != after.get(p)}
        old, new = git.tree(one), git.tree(other)
        links = {p for p, (mode, _) in after.items() if mode == LINK}
        links |= {str(folder) for path in links for folder in PurePosixPath(path).parents}
        for path in (f"{p}{more}" for p in {**old, **new, "c": ""} for more in ("", "/a", "/c/d")):
            modes = [files[path][0] if path in files else "" for files in (before, after)]
            expected = blob_in(old, path) != blob_in(new, path) or modes[0] != modes[1]
            # Of one commit of two submodules: another place in it is another file.
            expected |= module(before, path) != module(after, path)
            assert touched(path) == (expected or path in links)
        # Of the whole repository, too, of which no tree names the id.
        assert touched(".") == bool(differing or links)

    agree()
