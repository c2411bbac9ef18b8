"""The page: what it shows, and that nothing in a report can add to it."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.render import page
from lockproof.render.foreign import visible
from lockproof.render.html_report import html_report
from unit.render import sample

VOID = {"meta", "link", "img", "br", "hr", "input"}
TAGS = set(
    re.findall(
        r"\S+",
        """
    html head meta title style body a header main footer nav section div span p h1 h2 h3 h4 ul
    ol li dl dt dd table caption thead tbody tr th td details summary pre code bdi svg symbol
    defs marker g path rect line text tspan use
    """,
    )
)
ATTRIBUTES = set(
    re.findall(
        r"\S+",
        """
    lang charset content name http-equiv class id href rel title open scope tabindex role
    aria-hidden aria-label aria-labelledby viewbox width height x y x1 x2 y1 y2 d rx transform
    fill-rule refx refy markerwidth markerheight orient marker-end xmlns
    """,
    )
)


class Outline(HTMLParser):
    """Every element, attribute and text of a page; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.style = ""
        self.open: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.texts)


def check_harmless(outline: Outline) -> None:
    """Nothing that runs, loads or sends; only what the templates are known to write."""
    assert {tag for tag, _ in outline.elements} <= TAGS
    for tag, attributes in outline.elements:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        target = attributes.get("href")
        if target is not None:
            assert target.startswith("#") or (tag == "a" and target.startswith("https://"))
        assert "url(" not in (attributes.get("marker-end") or "").replace("url(#tip)", "")
    assert outline.comments == []
    assert not re.search(r"@import|url\(|expression|</", outline.style)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_the_page_is_sound_and_stands_alone(name: str) -> None:
    outline = Outline(html_report(sample.SAMPLES[name]()))
    check_harmless(outline)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert [each for each, number in Counter(ids).items() if number > 1] == []
    for tag, attributes in outline.elements:
        target = attributes.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids, (tag, target)
        assert attributes.get("aria-labelledby", ids[0]) in ids


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    outline = Outline(html_report(sample.failed()))
    (policy,) = [
        attributes["content"]
        for attributes in outline.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(outline.style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@example("<script>alert(1)</script>")
@example('"><img src=x onerror=alert(1)>')
@example("' onmouseover='alert(1)")
@example("javascript:alert(1)")
@example('https://example.org/" onclick="alert(1)')
@example("</style></pre></svg><script>")
@example("<!--")
@example("]]>")
@example("{{ 7 * 7 }}{% raw %}")
@example("&lt;script&gt;")
@example("`x` ``y` z")
@example("\u202etxt.exe\u2066")
@example("\x00\x1b[31m\udcff\r\n")
@example("@@ +a\n-b")
@example("a:b")
@example("x" * 10_000)
@example("'\"<>&" * 2000)
@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), min_size=1, max_size=40))
def test_no_name_becomes_markup(name: str) -> None:
    text = html_report(sample.hostile(name))
    text.encode("utf-8")
    outline = Outline(text)
    check_harmless(outline)
    assert all(line.isprintable() for line in text.split("\n"))
    if len(name) <= 40:
        shown = visible(name)
        data = "\0".join(outline.texts)
        assert shown in outline.text
        # As the path of an output, the key of a metric and the name of a package at least.
        assert data.count(shown) >= 10


def test_a_name_adds_no_element_of_its_own() -> None:
    tags = [
        [tag for tag, _ in Outline(html_report(sample.hostile(name))).elements]
        for name in ("plain", "<b>bold</b>", "\"'><i a=b>", "</bdi></td></table>")
    ]
    assert tags[0] == tags[1] == tags[2] == tags[3]


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "http://example.org", "data:text/html,x", "https://a\u202eb", "//a"],
)
def test_only_secure_web_addresses_become_links(address: str) -> None:
    (first, *rest) = sample.failed().findings
    findings = (first.model_copy(update={"help": address}), *rest)
    outline = Outline(html_report(sample.failed().model_copy(update={"findings": findings})))
    targets = [attributes["href"] or "" for attributes in outline.all("a")]
    assert not any(address in target for target in targets)
    assert len([target for target in targets if target.startswith("https:")]) == len(rest)


@pytest.mark.parametrize("name", ["passed", "failed", "inconclusive"])
def test_everything_is_on_the_page(name: str) -> None:
    report = sample.SAMPLES[name]()
    text = Outline(html_report(report)).text
    subject = report.subject
    expected = [report.verdict.value.upper(), subject.commit, subject.lock_digest[:24]]
    for stage in report.stages:
        expected += [stage.address.rpartition(":")[2], *stage.command]
        expected += [dep.path for dep in stage.deps]
        expected += [cause.summary for cause in stage.causes]
        for output in stage.outputs:
            assert output.locked
            expected += [output.path, output.verdict.value, output.locked.short]
        expected += [key for values in stage.params.values() for key in values]
    for host in report.host.stages.values():
        expected += [item.text for item in host.evidence]
        expected += [*host.undeclared_inputs, *filter(None, [host.network, host.log])]
        expected += (host.log_tail or "").splitlines()
        for differences in host.differences.values():
            expected += [difference.summary for difference in differences]
    expected += [finding.rule for finding in report.findings]
    expected += [metric.key for metric in report.host.metrics]
    assert report.host.environment
    expected += list(report.host.environment.packages)
    assert [part for part in expected if part not in text] == []


def test_the_largest_difference_is_said_in_full() -> None:
    text = " ".join(Outline(html_report(sample.failed())).text.split())
    assert "at coef[3, 7]: 0.8123311907 → 0.7790135522, off by 0.0333, relative 0.041" in text
    assert "650 compared, 641 differ, 640 beyond the tolerance" in text
    assert "tolerance rtol 1e-6, atol 1e-9" in text


def test_commands_in_messages_are_code() -> None:
    text = html_report(sample.failed())
    assert "<code>dvc repro train@linear</code>" in text
    assert "`" not in Outline(text).text


def test_a_stage_is_unfolded_where_there_is_something_to_see() -> None:
    outline = Outline(html_report(sample.failed()))
    stages = [a for a in outline.all("details") if a.get("class") == "stage"]
    assert ["open" in attributes for attributes in stages] == [False, False, True, True, True, True]


def test_verdicts_are_shapes_and_words_besides_colours() -> None:
    text = html_report(sample.failed())
    badges = re.findall(r'<span class="verdict (\w+)">(.*?)</span>', text, re.DOTALL)
    assert len(badges) > 15
    for tone, content in badges:
        assert f'href="#shape-{tone}"' in content
        assert re.search(r"</svg>\s*\w+", content)


def test_tables_have_captions_and_headings_do_not_skip_a_level() -> None:
    outline = Outline(html_report(sample.failed()))
    assert len(outline.all("caption")) == len(outline.all("table"))
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    stages = [level for level in levels if level != 1]
    for before, after in zip(levels, stages, strict=False):
        assert after - before <= 1 or (before, after) == (2, 4)


def test_the_graph_has_a_linked_node_for_each_stage() -> None:
    report = sample.big(60)
    outline = Outline(html_report(report))
    nodes = [attributes["href"] for attributes in outline.all("a") if "title" not in attributes]
    for number in range(1, len(report.stages) + 1):
        assert f"#stage-{number}" in nodes
    assert len(outline.all("path")) > 60
    assert "Not passed: train@e-fold0 (failed), score@d-fold1 (inconclusive)" in outline.text


def test_a_graph_that_nobody_could_read_is_left_out() -> None:
    text = Outline(html_report(sample.big(420))).text
    assert "the graph is too large to read" in text
    assert "aggregate" in text


def test_a_stage_is_known_by_its_file_where_there_are_several() -> None:
    first, *rest = sample.passed().stages
    stages = (first.model_copy(update={"address": "sub/dvc.yaml:prepare"}), *rest)
    shown = page.page_of(sample.passed().model_copy(update={"stages": stages}))
    assert shown.shared_file is None
    assert [node.file for node in shown.graph.nodes][:2] == ["sub/dvc.yaml", sample.FILE]
    assert shown.stages[0].label == "sub/dvc.yaml:prepare"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("train", "train"),
        ("exactly-18-letters", "exactly-18-letters"),
        ("train@resnet50-imagenet", "train@resne…agenet"),
        ("数" * 20, "数数数数数…数数数"),
        ("a\nb", "a\\nb"),
    ],
)
def test_labels_in_the_graph_fit(text: str, shown: str) -> None:
    assert page.fitting(text, 18) == shown


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (sample.passed(), "Nothing: every output of the lock was proved."),
        (
            sample.inconclusive().model_copy(update={"verdict": Verdict.PASSED}),
            "Nothing, although the policy accepts 4 outputs without proof.",
        ),
        (
            sample.passed().model_copy(
                update={"subject": sample.passed().subject.model_copy(update={"selected": ("a",)})}
            ),
            "Nothing: every output of the stages asked for was proved.",
        ),
        (sample.inconclusive(), "No finding says what to do"),
        (sample.empty(), "The lock has no stages, so that nothing was checked."),
    ],
    ids=["passed", "accepted", "selected", "inconclusive", "empty"],
)
def test_what_to_do_is_said_even_if_it_is_nothing(report: Report, text: str) -> None:
    assert text in Outline(html_report(report)).text


def test_a_change_of_a_metric_shows_in_digits_that_tell_them_apart() -> None:
    (value, *_) = sample.metric_values()
    close = value.model_copy(update={"locked": 0.1, "observed": 0.1 + 1e-12})
    ((_, (metric,)),) = page.page_of(sample.report((), metrics=(close,))).metrics
    assert (metric.locked, metric.observed, metric.change) == (
        "0.1",
        "0.100000000001",
        "+1e-12",
    )
    lost = value.model_copy(update={"observed": None})
    ((_, (metric,)),) = page.page_of(sample.report((), metrics=(lost,))).metrics
    assert (metric.observed, metric.change) == ("absent", "-")
