"""The repository as steps see it: laid out once, for every image that they run in."""

import dataclasses
import posixpath

import dagger

from .settings import HOME, POLICY, REPOSITORY, USER

_SAID = f"{HOME}/said"
_IN_POLICY, _HAS_TESTS = f"{_SAID}/policy", f"{_SAID}/rules-have-tests"

# Only constant text goes through a shell. What else is wrong with a repository, lockproof says.
# A clone may bring hooks, and in its configuration filters and other programs, so Git looks at it
# only for what its names mean. The rest it does in a repository of its own, with nothing but the
# clone's objects: files of Git LFS stay pointers. Of the clone's configuration is left what says
# where it comes from and how it is kept, since lockproof asks Git there too, and of an index that
# says nothing of files Git would run each through its filter. In one exec, since each takes an
# engine half a second. Rules may have tests unless Git says that no file names any: a test that is
# not run would be passed over.
_LAY_OUT = (
    "export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1"
    " GIT_NO_REPLACE_OBJECTS=1 GIT_NO_LAZY_FETCH=1 GIT_ALLOW_PROTOCOL=none;"
    ' clone() {{ git --git-dir=.git rev-parse --quiet "$@" 2>/dev/null; }};'
    ' head=$(clone --verify "HEAD^{{commit}}"); policy=$(clone --verify "$1");'
    ' looked=${{2:+$(clone --verify "$2^{{commit}}")}}; [ "$2" ] || looked=--untracked;'
    " kind=$(clone --show-object-format) || kind=sha1;"
    " objects=$(clone --git-path objects);"
    ' git init --quiet --bare --template= --object-format="$kind" "$0/git" || exit;'
    ' export GIT_DIR="$0/git" GIT_OBJECT_DIRECTORY="$objects" GIT_WORK_TREE=.'
    " GIT_INDEX_FILE=.git/index;"
    ' if [ "$head" ]; then {0} || exit; fi;'
    ' config=$(clone --git-path config); configured() {{ git config --file "$config" "$@"; }};'
    " configured --name-only --list 2>/dev/null | sort -u | while IFS= read -r name; do"
    ' case "$name" in {1}) ;; *) configured --unset-all "$name" || exit;; esac; done || exit;'
    ' git cat-file blob "$policy" >"$0/policy" 2>/dev/null;'
    ' git grep --quiet --fixed-strings -e rule_files "$looked" -- 2>/dev/null;'
    ' [ "$?" = 1 ] || : >"$0/rules-have-tests"'
)
_KEPT = (
    "core.repositoryformatversion|core.bare|core.filemode|core.symlinks|core.autocrlf|core.eol"
    "|extensions.objectformat|extensions.partialclone|extensions.refstorage"
    "|branch.*.remote|branch.*.merge"
    "|remote.*.url|remote.*.fetch|remote.*.promisor|remote.*.partialclonefilter"
)
"""Of the clone's configuration: what names no program. A given tree is as these made its files."""
_INDEX = 'git read-tree "$head"'
_FILES = "git checkout-index --all --force --quiet"


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
        if (revision or "").startswith("-"):  # An option, which lockproof refuses.
            policy, revision = "", None
        argv = ["sh", "-c", _LAY_OUT.format(command, _KEPT), _SAID, policy, revision or ""]
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
