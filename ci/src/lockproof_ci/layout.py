"""The repository as steps see it: laid out once, for every image that they run in."""

import dataclasses
import posixpath

import dagger

from .settings import HOME, POLICY, REPOSITORY, USER

_SAID = f"{HOME}/said"
_IN_POLICY, _HAS_TESTS = f"{_SAID}/policy", f"{_SAID}/rules-have-tests"

# Only constant text goes through a shell. What else is wrong with a repository, lockproof says.
_INDEX = "git -c core.fsmonitor=false -c core.sparseCheckout=false read-tree HEAD"
# Neither hooks nor the filters of a clone are here: files of Git LFS stay pointers.
_FILES = (
    "git -c core.fsmonitor=false -c filter.lfs.smudge= -c filter.lfs.process="
    " -c filter.lfs.required=false checkout-index --all --force --quiet"
)
# In the same exec, since each takes an engine half a second. Rules may have tests unless Git says
# that no file names any: a test that is not run would be passed over.
_LAY_OUT = (
    "if git rev-parse --quiet --verify 'HEAD^{{commit}}' >/dev/null 2>&1; then {0} || exit; fi;"
    ' policy=$1; shift; mkdir -p "$0";'
    ' git cat-file blob "$policy" >"$0/policy" 2>/dev/null;'
    ' git grep --quiet --fixed-strings -e rule_files "$@" 2>/dev/null;'
    ' [ "$?" = 1 ] || : >"$0/rules-have-tests"'
)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The repository in a container that has Git, and what Git says of one revision."""

    container: dagger.Container

    @classmethod
    def of(
        cls,
        container: dagger.Container,
        repository: dagger.Directory,
        tree: dagger.Directory | None,
        place: str,
        revision: str | None,
    ) -> "Layout":
        """Check out HEAD, or put a work tree beside `.git`.

        `place` is the absolute path that `.dvc` is in. What Git says is of the revision, or with
        None of HEAD and these files.
        """
        container = container.with_directory(
            REPOSITORY, repository, include=[".git"], owner=USER
        ).with_workdir(REPOSITORY)
        command = f"{_INDEX} && {_FILES}"
        if tree is not None:
            tree = tree.without_directory(".git")
            container = container.with_directory(REPOSITORY, tree, owner=USER)
            command = _INDEX
        policy = f"{revision or 'HEAD'}:{posixpath.relpath(f'{place}/{POLICY}', REPOSITORY)}"
        where = ["--untracked"] if revision is None else [revision, "--"]
        if (revision or "").startswith("-"):  # An option, which lockproof refuses.
            policy, where = "", ["--untracked"]
        argv = ["sh", "-c", _LAY_OUT.format(command), _SAID, policy, *where]
        return cls(container.with_exec(argv))

    @property
    def files(self) -> dagger.Directory:
        """What steps find at `REPOSITORY`. To be mounted: an engine copies what it puts in."""
        return self.container.directory(REPOSITORY)

    async def policy(self) -> str:
        """The policy as the revision has it; nothing where there is none, or no such commit."""
        return await self.container.file(_IN_POLICY).contents()

    async def rules_may_have_tests(self) -> bool:
        """Whether a file may name rules of Prometheus to test, by `rule_files`."""
        return await self.container.exists(_HAS_TESTS)
