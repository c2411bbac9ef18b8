"""The Markdown comment: what it shows, its bounds, and that names stay text."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from lockproof.model.report import HostStage, Report, SkipReason, StageReport
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.render import words
from lockproof.render.foreign import brief, visible
from lockproof.render.markdown import MOST_CHARACTERS, markdown
from lockproof.render.markdown_text import code, fenced, prose
from lockproof.render.mermaid import MOST_STAGES, escaped, stage_graph
from unit.render import sample

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"details", "summary", "br", "code"}
"""The elements that the renderer writes as HTML; all others come of Markdown."""

TABLE = ["table", "thead", "tr", "th", "tbody", "tr", "td"]

any_name = st.text(st.characters(categories=None), max_size=60) | st.lists(
    st.sampled_from([*"`|*_~<>&[]()!#@:/.-+=\\$1a \t\n\"'", "<b>", "```", "]]>", "<!--"]),
    max_size=20,
).map("".join)


class Elements(HTMLParser):
    """The elements of a page with their attributes, the text, and comments."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.comments: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def rendered(text: str) -> Elements:
    return Elements(RENDERER.render(text))


def tokens(text: str) -> Iterator[Token]:
    for token in RENDERER.parse(text):
        yield token
        yield from token.children or ()


def without_gap(text: str) -> str:
    return text.replace("\u200b", "")


@given(any_name)
@settings(max_examples=300)
@example("`")
@example("a`` b")
@example("</code><script>")
@example("a|b\\|c")
@example(" x ")
@example("$`x`$")
def test_code_shows_the_name_and_nothing_else(name: str) -> None:
    for text in (f"before {code(name, 400)} after", f"| a |\n|---|\n| {code(name, 400)} |"):
        page = rendered(text)
        inside = [tag for tag, _ in page.found]
        assert inside.count("code") == 1
        assert set(inside) <= {"p", "code", "table", "thead", "tbody", "tr", "th", "td"}
        assert inside.count("td") <= 1
        assert visible(name) in page.text


@given(any_name)
@settings(max_examples=300)
@example("1. x")
@example("- x")
@example("# x")
@example("~~~")
@example("<img src=x>")
@example("[x](javascript:y)")
@example("[x]: y")
@example("[x][y] [[z]](t) ![a](b) [^1]")
@example("&lt;b&gt;")
@example("**x** _y_ ~~z~~")
def test_prose_shows_the_sentence_and_nothing_else(sentence: str) -> None:
    for text, own in (
        (prose(sentence, 400), ["p"]),
        (f"- before {prose(sentence, 400)}", ["ul", "li"]),
        (
            f"| a |\n|---|\n| {prose(sentence, 400)} |",
            ["table", "thead", "tr", "th", "tbody", "tr", "td"],
        ),
    ):
        page = rendered(text)
        shown = brief(sentence, 400).strip()
        assert [tag for tag, _ in page.found] == (own if shown or own != ["p"] else [])
        assert without_gap(page.text).strip().endswith(shown)


@given(any_name)
@settings(max_examples=300)
@example("@org/team")
@example("see (#12)")
@example("https://evil.example/x")
@example("WWW.evil.example")
def test_sites_find_nothing_to_link_in_prose(sentence: str) -> None:
    text = rendered(prose(sentence, 400)).text
    assert not re.search(r"(?<![A-Za-z0-9_])[@#]\w|\w://|\bwww\.", text, re.ASCII | re.IGNORECASE)


@given(st.lists(any_name, max_size=5))
def test_no_line_ends_a_code_block(lines: list[str]) -> None:
    shown = [visible(line) for line in lines]
    (token,) = RENDERER.parse("\n".join(fenced(shown, "diff")))
    assert token.type == "fence"
    assert token.content == "".join(f"{line}\n" for line in shown)


@given(any_name.filter(bool))
@settings(max_examples=150, deadline=None)
@example('<img src=x onerror="alert(1)">')
@example("```\n<script>")
@example("</details>")
@example("[x](http://y)")
@example('"]; click s0 "javascript:x"')
def test_no_name_adds_an_element(name: str) -> None:
    page = rendered(markdown(sample.hostile(name)))
    calm = rendered(markdown(sample.hostile("calm")))
    kinds = {tag for tag, _ in page.found}
    assert kinds <= {tag for tag, _ in calm.found}
    for tag in ("details", "table", "tr", "td", "h2", "h3", "li", "pre", "br"):
        assert count(page, tag) == count(calm, tag), tag
    attributes = {key for _, attrs in page.found for key in attrs}
    assert attributes <= {"class", "style"}
    assert page.comments == [" lockproof reproduce "]


def count(page: Elements, tag: str) -> int:
    return sum(found == tag for found, _ in page.found)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_html_is_only_ours(name: str) -> None:
    for token in tokens(markdown(sample.SAMPLES[name]())):
        if token.type in ("html_inline", "html_block"):
            tags = set(re.findall(r"</?(\w+)", token.content))
            assert tags <= OURS or token.content.startswith("<!-- lockproof ")


def test_it_says_what_to_do_what_differs_and_why() -> None:
    text = markdown(sample.failed())
    page = rendered(text)
    assert "## ❌ lockproof reproduce: failed" in text
    assert "FAILED: 3 outputs different" in page.text
    headings = [
        after.content
        for before, after in zip(list(tokens(text)), list(tokens(text))[1:], strict=False)
        if before.type == "heading_open"
    ]
    assert headings[1:] == [
        "What to do",
        "Outputs that do not pass",
        "Causes",
        "Metrics",
        "Stages",
    ]
    for part in (
        "run `dvc repro train@linear` and commit dvc.lock",
        "largest at coef[3, 7]: 0.8123311907 -> 0.7790135522",
        "code, proven: data-plane/dvc/src/train.py is not the file",
        "MemoryError: 4.2 GiB",
        '-    model = LogisticRegression(C=params["strength"], max_iter=500)',
        "skipped: a stage that it needs failed",
    ):
        assert part in without_gap(page.text)
    links = [attrs["href"] for tag, attrs in page.found if tag == "a"]
    assert links == [f.help for f in words.by_severity(sample.failed().findings)]
    assert "| `data-plane/dvc/metrics.json` `linear.accuracy` | 0.9722 | 0.9691 | -0.0031 |" in text
    assert count(page, "details") == 5
    assert "Shortened" not in text


def test_a_pass_is_short() -> None:
    text = markdown(sample.passed())
    assert "✅ lockproof reproduce: passed" in text
    for heading in ("What to do", "Outputs that do not pass", "Causes"):
        assert heading not in text


def test_a_stage_that_the_policy_lets_be_left_out_is_nothing_to_act_on() -> None:
    unseen = (sample.output("out", OutputVerdict.NOT_CHECKED),)
    left_out = sample.stage("prepare", unseen, skipped=SkipReason.UNAFFECTED)
    accepted = left_out.model_copy(update={"verdict": Verdict.PASSED})
    rest = sample.passed().stages
    assert "do not pass" not in markdown(sample.report((accepted, *rest), {}))
    assert "do not pass" in markdown(sample.report((left_out, *rest), {}))


def wide(number: int, name: str) -> Report:
    """Many stages that differ, each with evidence."""
    stages: list[StageReport] = []
    hosts = {}
    for n in range(number):
        output = sample.output(f"out/{n}-{name}", OutputVerdict.DIFFERENT)
        stages.append(sample.stage(f"s{n}", (output,), causes=sample.failed().stages[2].causes))
        evidence = (sample.Evidence(cause=0, text=name, detail=sample.PATCH * 20),)
        difference = sample.Difference(summary=f"{name} differs")
        hosts[f"s{n}"] = HostStage(
            evidence=evidence, differences={output.path: (difference,)}, log_tail=sample.PATCH * 20
        )
    return sample.report(tuple(stages), hosts)


@pytest.mark.parametrize("number", [30, 120, 600])
@pytest.mark.parametrize("name", ["plain", "<&|`" * 200, "\u202e\x00" * 300])
def test_a_large_report_is_shortened_and_says_so(number: int, name: str) -> None:
    text = markdown(wide(number, name))
    assert len(text) <= MOST_CHARACTERS
    assert "Shortened to fit" in text
    assert "### Outputs that do not pass" in text
    assert count(rendered(text), "table") == 1


def test_no_single_name_exceeds_the_bound() -> None:
    assert len(markdown(sample.hostile("<`|" * 100_000))) <= MOST_CHARACTERS
    assert len(markdown(sample.hostile("\U000e0001" * 100_000))) <= MOST_CHARACTERS


@given(any_name)
@settings(max_examples=300)
def test_a_mermaid_label_has_nothing_but_letters_and_codes(name: str) -> None:
    label = escaped(visible(name))
    assert re.fullmatch(r"(?:[A-Za-z0-9 _./@,-]|#[0-9]+;)*", label)
    back = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label)
    assert back == visible(name)


def test_the_graph_has_each_stage_edge_and_verdict() -> None:
    stages = sample.failed().stages
    lines = [line.strip() for line in stage_graph(stages)]
    assert lines[:2] == ["flowchart LR", 's0["prepare"]']
    assert 's3["train@forest #40;failed#41;"]' in lines
    edges = {tuple(line.split(" --> ")) for line in lines if "-->" in line}
    names = {stage.address: f"s{n}" for n, stage in enumerate(stages)}
    assert edges == {(names[u], names[s.address]) for s in stages for u in s.upstream}
    assert "class s0,s1 passed" in lines
    assert "class s2,s3,s4 failed" in lines
    assert "class s5 inconclusive" in lines


def test_a_graph_too_large_to_read_is_left_out() -> None:
    assert stage_graph(sample.big(MOST_STAGES // 2).stages)
    assert stage_graph(sample.big(MOST_STAGES * 2).stages) == []
    assert stage_graph(()) == []
    assert "mermaid" not in markdown(sample.big(200))
