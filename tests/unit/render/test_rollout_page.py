"""The page of a canary's check says what its rollout was about to do, and where it was."""

import re

from lockproof.model.canary import CanarySeen
from lockproof.model.rollout import RolloutSeen
from lockproof.render.html_report import html_report
from unit.render import sample


def page_of(step: int | None, plan: tuple[str, ...]) -> str:
    seen = CanarySeen(
        checks="digits",
        digest="0" * 64,
        source="p",
        since="2026-03-01T00:00:00Z",
        until="2026-03-01T01:00:00Z",
        interval=60,
        false_abort=0.05,
        false_promote=0.05,
        measures=(),
        rollout=RolloutSeen(
            namespace="n", name="r", canary="a", stable="b", phase="Paused",
            step=step, steps=len(plan), plan=plan,
        ),
    )  # fmt: skip
    report = sample.passed()
    host = report.host.model_copy(update={"canary": seen})
    return html_report(report.model_copy(update={"host": host}))


def test_every_step_is_listed_and_the_present_one_is_marked() -> None:
    page = page_of(1, ("weight 25 %", "pause until promoted", "<b>x</b>"))
    (listed,) = re.findall(r"<ol>.*?</ol>", page, re.DOTALL)
    found = re.findall(r"<li(.*?)>(.*?)</li>", listed)
    assert [re.sub("<.*?>", "", text) for _, text in found] == [
        "weight 25 %",
        "pause until promoted: it is here",
        "&lt;b&gt;x&lt;/b&gt;",
    ]
    assert [attributes for attributes, _ in found] == ["", ' aria-current="step"', ""]


def test_of_a_rollout_past_its_steps_or_without_any_none_is_present() -> None:
    assert "it is here" not in page_of(2, ("weight 25 %", "pause until promoted"))
    assert "it is here" not in page_of(None, ("weight 25 %",))
    assert "steps of the rollout" not in page_of(None, ())
