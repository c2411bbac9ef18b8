"""What a checkout holds in another form than Git: who asks for nothing is not made to wait."""

from pathlib import Path

from lockproof.adapters.git.forms import other_forms
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot


class Closed(Snapshot):
    """One whose entries are not to be looked through."""

    def __init__(self, git: GitRepository) -> None:
        super().__init__(git, None)

    @property
    def entries(self) -> dict[str, object]:  # type: ignore[override]
        raise AssertionError("all entries were looked through")


def test_for_no_file_no_other_is_looked_at() -> None:
    # The gate asks for every dependency, mostly of files that it knows: of 1,000 stages and 12,000
    # files that was most of a minute of processor time.
    given: list[str] = []
    snapshot = Closed(GitRepository.discover(Path.cwd()))
    assert other_forms(snapshot, [], lambda path, _: given.append(path)) == {}
    assert not given
