"""Several remotes at once, and what the report says of them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import pytest

from lockproof.adapters.plugins import PLUGINS
from lockproof.config import RemotePolicy
from lockproof.errors import ConfigError, MissingExtraError
from lockproof.installed import how_to_add
from lockproof.model.check import Check
from lockproof.model.claim import Claim, Claims, Exempt, Exemption
from lockproof.model.remote import RemoteConfigs
from lockproof.model.toml_text import read_toml
from lockproof.model.verdict import Verdict
from lockproof.steps.gate.remotes import Proved, prove_remotes, remote_check

from .remotes import Folder, claim_file, claim_folder

QUICK: dict[str, Any] = {"attempts": 1}


@pytest.fixture
def first(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "second")


def configs(*remotes: Folder, default: str | None = "first") -> RemoteConfigs:
    sections = {remote.root.name: {"url": str(remote.root)} for remote in remotes}
    return RemoteConfigs(default=default, sections=sections)


def prove(
    claims: list[Claim], known: RemoteConfigs, *, deep: bool = False, **policy: Any
) -> tuple[Proved, Check]:
    terms = RemotePolicy(**{**QUICK, **policy})
    lines: list[str] = []
    located = [(claim, claim.file) for claim in claims]

    async def run() -> Proved:
        return await prove_remotes(located, known, terms, deep=deep, show=lines.append)

    proved = anyio.run(run)
    check = remote_check(Claims(claims=tuple(claims)), proved, terms)
    assert all(line.startswith(("first: ", "second: ")) for line in lines)
    return proved, check


def test_each_output_is_looked_for_in_its_own_remote(first: Folder, second: Folder) -> None:
    a = claim_file(first, "a", b"a")
    b = claim_file(second, "b", b"b").model_copy(update={"remote": "Second"})
    proved, check = prove([a, b], configs(first, second))
    assert proved.findings == []
    assert (check.verdict, check.checked, check.summary) == (
        Verdict.PASSED,
        2,
        "by size alone: 2",
    )
    assert [line.split(" objects in remote ")[1][:9] for line in check.not_checked] == [
        "'first': ",
        "'second':",
    ]


def test_a_policy_can_ask_for_copies(first: Folder, second: Folder) -> None:
    a, b = claim_file(first, "a", b"a"), claim_file(first, "b", b"b")
    claim_file(second, "a", b"a")
    proved, check = prove([a, b], configs(first, second), also=("second",))
    assert [(f.rule, f.subject) for f in proved.findings] == [("LP201", "b in second")]
    assert check.checked == 4


def test_the_same_loss_in_two_remotes_is_two_findings(first: Folder, second: Folder) -> None:
    a = claim_file(first, "a", b"a")
    claim_file(second, "x", b"x")
    (first.root / a.digest.object_path).unlink()  # type: ignore[union-attr]
    proved, _ = prove([a], configs(first, second), also=("second",))
    assert len({f.fingerprint for f in proved.findings}) == 2


def test_a_remote_that_nobody_configured(first: Folder) -> None:
    a = claim_file(first, "a", b"a")
    b = a.model_copy(update={"path": "b", "remote": "lost"})
    proved, _ = prove([a, b], configs(first))
    ((rule, message),) = [(f.rule, f.message) for f in proved.findings]
    assert rule == "LP205"
    assert "remote 'lost', which is not configured: run 'dvc remote add lost URL'" in message
    nothing, check = prove([a], RemoteConfigs())
    assert [f.rule for f in nothing.findings] == ["LP205"]
    assert check.verdict is Verdict.INCONCLUSIVE


def test_what_size_alone_is_worth(first: Folder) -> None:
    a = claim_file(first, "a", b"a")
    _, check = prove([a], configs(first), by_size="inconclusive")
    assert check.verdict is Verdict.INCONCLUSIVE
    _, deep = prove([a], configs(first), by_size="inconclusive", deep=True)
    assert (deep.verdict, deep.summary, deep.not_checked) == (Verdict.PASSED, "by reading: 1", ())


def test_a_directory_object_is_proof_by_reading(first: Folder) -> None:
    _, check = prove([claim_folder(first, "raw", {"x": b"x"})], configs(first))
    assert check.summary == "by reading: 1, by size alone: 1"


def test_nothing_is_no_proof() -> None:
    exempt = tuple(
        Exempt(path=f"p{n}", owner="make", reason=Exemption.NOT_PUSHED) for n in range(7)
    )
    check = remote_check(Claims(exempt=exempt), Proved(), RemotePolicy())
    assert check.verdict is Verdict.INCONCLUSIVE
    assert check.not_checked == ("p0, p1, p2, p3, p4 and 2 more: push: false",)
    empty = remote_check(Claims(), Proved(), RemotePolicy())
    assert (empty.verdict, empty.checked) == (Verdict.INCONCLUSIVE, 0)
    assert empty.not_checked == ("no output is kept in a remote",)


@pytest.mark.parametrize("scheme", sorted({*PLUGINS} - {"s3"}))
def test_a_plugin_that_is_not_here_is_named_by_its_extra(scheme: str) -> None:
    claim = Claim(path="a", owner="make", file="dvc.lock", digest=None)
    known = RemoteConfigs(default="x", sections={"x": {"url": f"{scheme}://host/a"}})
    extra, module = PLUGINS[scheme]
    if find_spec(module) is not None:
        pytest.skip(f"{module} is installed")
    with pytest.raises(MissingExtraError) as caught:
        prove([claim], known)
    assert str(caught.value).endswith(f"needs the extra '{extra}': {how_to_add(extra)}")
    declared = read_toml((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (needed, *_) = declared["project"]["optional-dependencies"][extra]
    assert needed.startswith(module.replace("_", "-"))


def test_dvcs_own_schemes_have_an_extra() -> None:
    from dvc_objects.fs import known_implementations

    inner = {"file", "local", "http", "https", "memory", "remote"}
    ours = {"dvc", "git"}
    assert {*known_implementations} - inner - ours == {*PLUGINS}


def test_outputs_without_a_remote_are_one_finding() -> None:
    claims = [
        Claim(path=f"out/{number:03}", owner="make", file="dvc.lock", digest=None)
        for number in range(124)
    ]
    (found,) = prove(claims, RemoteConfigs())[0].findings
    assert found.rule == "LP205"
    assert found.message.startswith("124 outputs (out/000, out/001, out/002, …) need a default")


def test_a_kind_of_remote_whose_plugin_is_not_here() -> None:
    claim = Claim(path="a", owner="make", file="dvc.lock", digest=None)
    known = RemoteConfigs(default="x", sections={"x": {"url": "nonsense://host/a"}})
    with pytest.raises(ConfigError, match="remote 'x'"):
        prove([claim], known)
