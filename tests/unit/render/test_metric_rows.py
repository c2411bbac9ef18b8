"""A metric says of what it is where inputs of its stage came out differently."""

from lockproof.model.report import MetricValue
from lockproof.render.html_report import html_report
from lockproof.render.markdown import markdown
from lockproof.render.table import table

from . import sample
from .test_markdown import without_gap

PLAIN = MetricValue(path="m.json", key="plain", locked=1, observed=1)
MOVED = MetricValue(
    path="m.json", key="f1", locked=0.944, observed=0.944, upstream=("model.pkl",), followed=0.911
)


def test_every_report_shows_both_values_and_of_what_they_are() -> None:
    report = sample.report((), metrics=(PLAIN, MOVED))
    shown = markdown(report)
    assert "`m.json` `f1` of the locked model.pkl | 0.944 | 0.944 | equal |" in shown
    assert "`m.json` `f1` of model.pkl as made here | 0.944 | 0.911 | -0.033 |" in shown
    assert "| `m.json` `plain` | 1 | 1 | equal |" in shown
    page = html_report(report)
    assert "of the locked model.pkl" in page
    assert "of model.pkl as made here" in page
    lines = table(report)
    assert "observed 0.911 (-0.033), of model.pkl as made here" in without_gap(lines)
    assert "plain" not in lines


def test_many_inputs_and_metrics_are_counted() -> None:
    names = tuple(f"in-{n}" for n in range(9))
    many = [MOVED.model_copy(update={"key": f"k{n}", "upstream": names}) for n in range(30)]
    shown = without_gap(table(sample.report((), metrics=tuple(many))))
    assert "of the locked in-0, in-1, in-2 and 6 more" in shown
    assert "and 40 more lines" in shown
