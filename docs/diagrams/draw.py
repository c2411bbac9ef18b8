"""Boxes, lanes and arrows on a canvas, as SVG. Coordinates are pixels at GitHub's width."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

FONT = "DejaVu Sans, Verdana, sans-serif"
MONO = "DejaVu Sans Mono, Menlo, monospace"
INK, SOFT, PAPER = "#1f2933", "#52606d", "#ffffff"


@dataclass(frozen=True)
class Style:
    """The colours of one kind of box."""

    fill: str
    line: str


STYLES = {
    "person": Style("#fff4d6", "#c98a00"),
    "check": Style("#dcebff", "#1f5fbf"),
    "store": Style("#dff5e6", "#1e8449"),
    "cluster": Style("#ece4fb", "#6b3fb5"),
    "good": Style("#d4f2dd", "#1e8449"),
    "bad": Style("#fde0dc", "#c0392b"),
    "wait": Style("#fff0d9", "#c46a00"),
    "plain": Style(PAPER, "#9aa5b1"),
}


@dataclass
class Canvas:
    """A drawing that grows from back to front."""

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: int = 14,
        bold: bool = False,
        mono: bool = False,
        colour: str = INK,
        anchor: str = "start",
    ) -> None:
        """One line, by its baseline."""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-family="{MONO if mono else FONT}" font-size="{size}" '
            f'font-weight="{"bold" if bold else "normal"}" fill="{colour}" '
            f'text-anchor="{anchor}" xml:space="preserve">{escape(words)}</text>'
        )

    def lane(
        self, x: int, y: int, w: int, h: int, title: str, style: str, *, right: bool = False
    ) -> None:
        """A region with a title in its left corner, or its right one."""
        look = STYLES[style]
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="12" fill="{look.fill}" '
            f'fill-opacity="0.38" stroke="{look.line}" stroke-opacity="0.55" stroke-width="1.5"/>'
        )
        colour = look.line if style != "plain" else SOFT
        where, anchor = (x + w - 14, "end") if right else (x + 14, "start")
        self.text(where, y + 24, title, size=15, bold=True, colour=colour, anchor=anchor)

    def box(
        self,
        x: int,
        y: int,
        w: int,
        h: int,
        title: str,
        lines: Sequence[str] = (),
        style: str = "plain",
        *,
        mono: bool = False,
        size: int = 12,
    ) -> None:
        """A box with a title and lines; a line that starts with a tick is set as code."""
        look = STYLES[style]
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{look.fill}" '
            f'stroke="{look.line}" stroke-width="1.8"/>'
        )
        step = size + 6
        top = y + (h - 16 - step * len(lines)) / 2 + 14
        self.text(x + w / 2, top, title, size=14, bold=True, mono=mono, anchor="middle")
        for number, line in enumerate(lines, 1):
            code = line.startswith("`")
            self.text(
                x + w / 2,
                top + 2 + step * number,
                line.strip("`"),
                size=size - 1 if code else size,
                mono=code,
                colour=SOFT if not code else INK,
                anchor="middle",
            )

    def diamond(self, cx: int, cy: int, w: int, h: int, lines: Sequence[str], style: str) -> None:
        """A decision."""
        look = STYLES[style]
        points = f"{cx},{cy - h / 2} {cx + w / 2},{cy} {cx},{cy + h / 2} {cx - w / 2},{cy}"
        self.parts.append(
            f'<polygon points="{points}" fill="{look.fill}" stroke="{look.line}" '
            f'stroke-width="1.8" stroke-linejoin="round"/>'
        )
        for number, line in enumerate(lines):
            y = cy + 5 + 17 * (number - (len(lines) - 1) / 2)
            self.text(cx, y, line, size=13, bold=number == 0, anchor="middle")

    def arrow(
        self,
        *points: tuple[float, float],
        label: str = "",
        at: tuple[float, float] | None = None,
        colour: str = INK,
        dashed: bool = False,
        anchor: str = "middle",
    ) -> None:
        """A line through points, with a head at the end and words beside it."""
        path = "M" + " L".join(f"{x} {y}" for x, y in points)
        dash = ' stroke-dasharray="6 5"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8" '
            f'stroke-linejoin="round" marker-end="url(#head-{colour[1:]})"{dash}/>'
        )
        if label and at:
            for number, line in enumerate(label.split("\n")):
                self.halo(at[0], at[1] + 15 * number, line, colour, anchor)

    def halo(self, x: float, y: float, words: str, colour: str, anchor: str) -> None:
        """Words on a line, readable over it."""
        style = f'font-family="{FONT}" font-size="12" text-anchor="{anchor}"'
        self.parts.append(
            f'<text x="{x}" y="{y}" {style} stroke="{PAPER}" stroke-width="5" '
            f'stroke-linejoin="round" fill="{PAPER}">{escape(words)}</text>'
            f'<text x="{x}" y="{y}" {style} fill="{colour}">{escape(words)}</text>'
        )

    def badge(self, x: float, y: float, number: int) -> None:
        """The number of a step."""
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="12" fill="{INK}"/>')
        self.text(x, y + 5, str(number), size=13, bold=True, colour=PAPER, anchor="middle")

    def legend(self, x: int, y: int, entries: Sequence[tuple[str, str]]) -> None:
        """What the colours mean, in one row."""
        for style, words in entries:
            look = STYLES[style]
            self.parts.append(
                f'<rect x="{x}" y="{y - 12}" width="20" height="15" rx="4" fill="{look.fill}" '
                f'stroke="{look.line}" stroke-width="1.5"/>'
            )
            self.text(x + 28, y, words, size=12, colour=SOFT)
            x += 54 + round(6.6 * len(words))

    def svg(self) -> str:
        """The finished drawing."""
        colours = {INK, SOFT} | {s.line for s in STYLES.values()}
        heads = "".join(
            f'<marker id="head-{c[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            f'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" '
            f'fill="{c}"/></marker>'
            for c in sorted(colours)
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}"><title>{escape(self.title)}</title>'
            f'<defs>{heads}</defs><rect width="100%" height="100%" fill="{PAPER}"/>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )
