"""`lockproof --help` beside `dvc --help`."""

from pathlib import Path

from .timing import BIN, alternate, seconds, show


def test_help(tmp_path: Path) -> None:
    ours, peer = alternate(
        lambda: seconds([str(BIN / "lockproof"), "--help"], tmp_path),
        lambda: seconds([str(BIN / "dvc"), "--help"], tmp_path),
        runs=9,
    )
    show("--help", ours, peer, "goal: ours under 0.100 s; peer: dvc --help")
