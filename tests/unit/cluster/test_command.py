"""`lockproof reproduce --on` and `--attach` as they are typed: what does not fit is refused."""

from pathlib import Path

import pytest

from lockproof.cli.main import main


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--attach", ""], "--attach names no run"),
        (["--attach", " "], "--attach names no run"),
        (["--attach", "", "--on", "argo"], "--attach names no run"),
        (["--attach", ".."], "'..' is no ID of a run"),
        (["--attach", "../jobs/x"], "'../jobs/x' is no ID of a run"),
        (["--attach", "x\n"], "'x\\n' is no ID of a run"),
        (["--attach", "x", "--on", "argo"], "leave --on out"),
        (["--attach", "x", "--vary", ""], "--vary does not go with"),
        (["--on", "argo", "--vary", ""], "--vary does not go with"),
    ],
)
def test_what_names_no_run_proves_nothing_here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    said: str,
) -> None:
    """An unset `$ID` once proved the commit here, and said so of a run elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *argv]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
