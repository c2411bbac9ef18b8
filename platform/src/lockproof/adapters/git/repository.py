"""Git, by its command line: revisions, clean checkouts and history, with nothing written to it."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

from lockproof.errors import UsageError
from lockproof.model.pipeline import inside

from .command import git_command, git_environment
from .lfs import UNFILTERED, lay_out

SUBMODULE = "160000"
_FORMS = ("refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
"""What a short name may stand for (gitrevisions)."""
_ONE = re.compile(r"(?:HEAD|@|refs/.*|[0-9a-f]{40}|[0-9a-f]{64}|)", re.DOTALL)
"""What stands for one commit, whatever tags and branches are called."""
_SHORT = re.compile(r"(?:.*-g)?([0-9A-Fa-f]{4,63})", re.DOTALL)
"""The beginning of a commit's id, also as `git describe` writes it."""


def run_git(
    cwd: Path, *args: str, extra: Mapping[str, str] | None = None, given: bytes = b""
) -> bytes:
    """What a Git command prints; `given` is its standard input.

    Raises:
        UsageError: it fails, or there is no Git or no such directory.
    """
    try:
        done = subprocess.run(
            git_command(*args),
            cwd=cwd,
            env=git_environment(extra),
            input=given,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        if not os.path.exists(cwd):
            raise UsageError(f"no such directory: {cwd}") from error
        raise UsageError("git is not installed: install it and try again") from error
    except NotADirectoryError as error:
        raise UsageError(f"not a directory: {cwd}") from error
    except OSError as error:  # Its name is too long, or it is closed to this user.
        raise UsageError(f"cannot use {cwd}: {error.strerror or error}") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        fatal = [line for line in reason if line.startswith(("fatal:", "error:"))]
        line = (fatal or reason or [f"exit code {done.returncode}"])[-1]
        name = next(word for word in args if not word.startswith("-") and "=" not in word)
        raise UsageError(f"git {name}: {line}")
    return done.stdout


@dataclass(frozen=True)
class GitRepository:
    """A Git work tree; no method writes to it or to its object store."""

    root: Path

    @classmethod
    def discover(cls, directory: Path) -> "GitRepository":
        """Find the work tree that contains `directory`.

        Raises:
            UsageError: the directory is not in a Git work tree, or Git is not installed.
        """
        try:
            top = run_git(directory, "rev-parse", "--show-toplevel")
        except UsageError as error:
            if "not a git repository" in str(error):
                raise UsageError(
                    f"{directory} is not in a Git repository: run this in a clone, or use -C DIR"
                ) from error
            raise
        return cls(Path(os.fsdecode(top.removesuffix(b"\n"))))

    def resolve(self, revision: str) -> str:
        """The full id of the commit that `revision` names.

        Raises:
            UsageError: there is no such commit, or the name is that of several.
        """
        if revision.startswith(("-", "^")):  # By `^` Git leaves a commit out.
            raise UsageError(f"not a revision: {revision!r}")
        name = re.split(r"[~^:]|@\{", revision, maxsplit=1)[0]
        meant = self._called(name) if not _ONE.fullmatch(name) else {}
        if len(set(meant.values())) > 1:
            raise UsageError(
                f"{self.root} has several commits called {name!r}: write"
                f" {' or '.join(sorted(meant))}"
            )
        try:
            if revision.startswith("refs/"):  # Git would also take a tag that is called so.
                run_git(self.root, "show-ref", "--verify", "--quiet", "--", name)
            return self._id(f"{revision}^{{commit}}")
        except UsageError as error:
            what = "has no commit yet" if revision == "HEAD" else f"has no commit {revision!r}"
            raise UsageError(
                f"{self.root} {what}: name a commit, branch or tag that is here"
                " (a shallow clone may lack it: git fetch --unshallow)"
            ) from error

    def _called(self, name: str) -> dict[str, str]:
        """The references, and ids, that Git may take a name for, in full -> commit.

        It takes a tag before a branch, a branch before a remote's, and all of them before an id.
        """
        full = [form.format(name) for form in _FORMS]
        shown = "%(refname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
        listing = run_git(self.root, "for-each-ref", f"--format={shown}", "--", *full)
        lines = dict(line.rsplit(" ", 1) for line in os.fsdecode(listing).split("\n") if line)
        found = {ref: commit for ref, commit in lines.items() if ref in full}
        # Git takes the reference, whoever wrote the beginning of an id.
        if found and (short := _SHORT.fullmatch(name)):
            ids = run_git(self.root, "rev-parse", f"--disambiguate={short[1]}").decode().split()
            for one in ids:
                with suppress(UsageError):
                    found[one] = self._id(f"{one}^{{commit}}")
        return found

    @cached_property
    def index(self) -> Mapping[str, str]:
        """The variable that names the index which the next commit is made from.

        In a hook of `git commit -a` or `git commit PATH` that is a file of its own. Empty where
        it is the ordinary one, and where the hook is another repository's.
        """
        named = os.environ.get("GIT_INDEX_FILE")
        if not named:
            return {}
        path = os.path.abspath(named)  # Relative to the top of the work tree, where hooks run.
        own = run_git(self.root, "rev-parse", "--absolute-git-dir").removesuffix(b"\n")
        is_own = os.path.realpath(os.path.dirname(path)) == os.path.realpath(os.fsdecode(own))
        return {"GIT_INDEX_FILE": path} if is_own else {}

    def is_dirty(self) -> bool:
        """Whether tracked files differ from HEAD or the index."""
        return bool(run_git(self.root, "status", "--porcelain", "--untracked-files=no"))

    def branch(self) -> str | None:
        """The branch checked out; None on a detached HEAD."""
        return self._said("symbolic-ref", "--short", "--quiet", "HEAD")

    def default_branch(self) -> str | None:
        """The branch that a clone of `origin` starts on, where this clone knows it."""
        name = self._said("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        return name.removeprefix("refs/remotes/origin/") if name is not None else None

    def remote_url(self) -> str | None:
        """The URL of `origin`, else None."""
        return self._said("config", "--get", "remote.origin.url")

    def _said(self, *asked: str) -> str | None:
        try:
            return os.fsdecode(run_git(self.root, *asked).strip())
        except UsageError:
            return None

    def tree(self, commit: str) -> dict[str, str]:
        """Every path of a commit -> object id; for a submodule `commit:` and its commit."""
        return {
            path: f"commit:{oid}" if mode == SUBMODULE else oid
            for mode, oid, path in self._entries(commit)
        }

    def _entries(self, commit: str) -> Iterator[tuple[str, str, str]]:
        listed = run_git(self.root, "ls-tree", "-r", "-t", "-z", "--full-tree", commit)
        for entry in filter(None, listed.split(b"\0")):
            meta, _, path = entry.partition(b"\t")
            mode, _, oid = meta.decode().split()
            yield mode, oid, os.fsdecode(path)

    def read(self, commit: str, path: str) -> bytes | None:
        """Content of a tracked file at a commit; None where there is none."""
        oid = self.blob(commit, path)
        with suppress(UsageError):
            return None if oid is None else run_git(self.root, "cat-file", "blob", oid)
        return None

    def blob(self, commit: str, path: str) -> str | None:
        """Object id of a path (file or folder) at a commit; None where there is none."""
        # Of `COMMIT:PATH-gID` Git takes the object of that id, as of what `git describe` writes.
        asked = ("--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--")
        try:
            if not path:
                return self._id(f"{commit}^{{tree}}")
            entry, _, name = run_git(self.root, *asked, path.rstrip("/")).partition(b"\t")
        except UsageError:
            return None
        return entry.split()[2].decode() if name[:-1] == os.fsencode(path.rstrip("/")) else None

    def _id(self, name: str) -> str:
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return run_git(self.root, *asked).decode().strip()

    def history(
        self, commit: str, path: str, limit: int = 200, *, first_parent: bool = False
    ) -> Iterator[str]:
        """Commits up to `commit` that changed `path`, newest first.

        With `first_parent` those that changed it on the branch itself, merges among them; without,
        Git follows the side of a merge that has it as it is now.
        """
        asked = ("log", f"--max-count={limit}", "--format=%H", *["--first-parent"] * first_parent)
        out = run_git(self.root, *asked, commit, "--", f":(top,literal){path}")
        yield from out.decode().split()

    def parent(self, commit: str) -> str | None:
        """The first parent of a commit."""
        try:
            return self.resolve(f"{commit}^")
        except UsageError:
            return None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether a commit is another one or part of its history; both by their full id."""
        try:
            base = run_git(self.root, "merge-base", older, newer)
        except UsageError:  # Without a common ancestor, or not here.
            return False
        return base.decode().strip() == older

    def subject(self, commit: str) -> str:
        """`abc1234 message (author, date)` for people."""
        shown = ("-1", "--date=short", "--format=%h %s (%an, %ad)")
        out = run_git(self.root, "log", *shown, commit, "--")
        return out.decode("utf-8", "replace").strip()

    def diff(self, old: str, new: str, path: str, limit: int = 4000) -> str:
        """Unified diff of a path between two commits, cut after `limit` characters."""
        asked = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", old, new)
        out = run_git(self.root, *asked, "--", f":(top,literal){path}").decode("utf-8", "replace")
        return out if len(out) <= limit else out[:limit] + "\n… (cut)"

    def check_out(self, commit: str, target: Path) -> dict[str, str]:
        """Make a clean, detached checkout of `commit` in the new folder `target`.

        It borrows the objects of this repository (alternates), so it is quick and small, and
        nothing is written here: `git worktree` and `git clone` would add metadata or fail for
        commits that no branch holds. What is here of submodules and Git LFS is laid out as well.

        Returns:
            Path of a submodule, or of a file in LFS, that is not here -> command that brings it.

        Raises:
            UsageError: Git cannot check the commit out, or it cannot be written.
        """
        self.borrow(target)
        absent = self._write(target, "--detach", commit)
        if self.is_partial and run_git(target, "status", "--porcelain"):
            raise UsageError(
                f"this clone lacks files of {commit[:12]}, because it was made with --filter:"
                " make one without"
            )
        for path, oid in self._submodules(commit).items():
            inner = self.submodule(path, oid)
            if inner is None:
                absent[path] = f"git submodule update --init {quote(path)}"
            else:
                (target / path).rmdir()
                lost = inner.check_out(oid, target / path)
                absent |= {f"{path}/{p}": f"cd {quote(path)} && {way}" for p, way in lost.items()}
        return absent

    def _write(
        self, target: Path, *what: str, extra: Mapping[str, str] | None = None, within: str = "."
    ) -> dict[str, str]:
        run_git(target, *UNFILTERED, "checkout", "--quiet", *what, extra=extra)
        listing = run_git(target, "ls-files", "-z", ":(top,attr:filter=lfs)", extra=extra)
        paths = map(os.fsdecode, filter(None, listing.split(b"\0")))
        return dict(lay_out(target, (p for p in paths if inside(p, within)), self.common))

    def restore(self, commit: str, path: str, target: Path) -> dict[str, str] | None:
        """Write one tracked path (file or folder) of `commit` below `target`.

        `target` must be a checkout made by `check_out`. What is at the path is replaced. Submodules
        are left out.

        Returns:
            What is not here, as `check_out`; None where the commit has no such path.
        """
        if self.blob(commit, path) is None:
            return None
        index = {"GIT_INDEX_FILE": str(target / ".git" / "lockproof-index")}
        run_git(target, "read-tree", commit, extra=index)  # For the attributes of that commit.
        return self._write(target, "--", f":(top,literal){path}", extra=index, within=path)

    def check_out_path(self, commit: str, path: str, target: Path) -> dict[str, str] | None:
        """As `restore`, in the new folder `target`."""
        self.borrow(target)
        return self.restore(commit, path, target)

    def submodule(self, path: str, commit: str) -> "GitRepository | None":
        """The clone of a submodule, if it is here and has a commit."""
        inner = GitRepository(self.root / path)
        here = (inner.root / ".git").exists() and inner.blob(commit, "") is not None
        return inner if here else None

    def _submodules(self, commit: str) -> dict[str, str]:
        known = self._known_submodules
        if commit not in known:
            known[commit] = {p: oid for m, oid, p in self._entries(commit) if m == SUBMODULE}
        return known[commit]

    @cached_property
    def _known_submodules(self) -> dict[str, dict[str, str]]:
        return {}

    # Asked once: isolated mode makes a checkout for every stage.
    @cached_property
    def is_partial(self) -> bool:
        """Whether the clone was made with `--filter`, so that it may lack objects."""
        try:
            pattern = r"^(extensions\.partialclone|remote\..*\.promisor)$"
            return bool(run_git(self.root, "config", "--get-regexp", pattern))
        except UsageError:
            return False

    @cached_property
    def common(self) -> Path:
        """Git's own folder, which all work trees of the clone share."""
        out = run_git(self.root, "rev-parse", "--path-format=absolute", "--git-common-dir")
        return Path(os.fsdecode(out.removesuffix(b"\n")))

    @cached_property
    def _object_format(self) -> str:
        return run_git(self.root, "rev-parse", "--show-object-format").decode().strip()

    def borrow(self, target: Path) -> None:
        """Make `target` an empty repository that has all objects of this one."""
        target.mkdir(parents=True)
        run_git(target, "init", "--quiet", "--template=", f"--object-format={self._object_format}")
        info = target / ".git" / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        objects = os.fsencode(self.common / "objects")
        if b"\n" in objects or objects.startswith(b'"'):
            escaped = objects.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
            objects = b'"' + escaped + b'"'
        (info / "alternates").write_bytes(objects + b"\n")
        shallow = self.common / "shallow"
        if shallow.exists():
            (target / ".git" / "shallow").write_bytes(shallow.read_bytes())
