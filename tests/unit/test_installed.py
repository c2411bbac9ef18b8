"""What is advised for more of lockproof names where this one came from, and no index."""

import json
from pathlib import Path

import pytest

from lockproof.installed import how_to_add

COMMIT = "0123456789abcdef0123456789abcdef01234567"
UNKNOWN = (
    "pip install 'lockproof[dvc] @ git+https://github.com/lockproof/lockproof@COMMIT', with the"
    " full hash of your commit"
)


@pytest.mark.parametrize(
    ("note", "advice"),
    [
        (
            {"url": "https://h.example/l", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"pip install 'lockproof[dvc] @ git+https://h.example/l@{COMMIT}'",
        ),
        (
            {"url": "file://HERE/a%20b", "dir_info": {"editable": True}},
            "pip install --editable 'HERE/a b[dvc]'",
        ),
        (
            {"url": "file://HERE/a%20b", "dir_info": {}},
            "pip install 'lockproof[dvc] @ file://HERE/a%20b'",
        ),
        (
            {"url": "https://h.example/l.whl", "archive_info": {}},
            "pip install 'lockproof[dvc] @ https://h.example/l.whl'",
        ),
        # As in an image, whose source is gone; from a folder of wheels; a broken note.
        ({"url": "file:///gone/lockproof", "dir_info": {}}, UNKNOWN),
        (None, UNKNOWN),
        ([], UNKNOWN),
    ],
    ids=["git", "editable", "folder", "archive", "image", "index", "broken"],
)
def test_it_is_added_from_where_it_came(
    note: object, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b").mkdir()
    about = tmp_path / "lockproof-9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lockproof\nVersion: 9\n")
    if note is not None:
        text = json.dumps(note).replace("HERE", str(tmp_path))
        (about / "direct_url.json").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert how_to_add("dvc") == advice.replace("HERE", str(tmp_path))
