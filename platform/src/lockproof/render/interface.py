"""The seam of this room: what every renderer is."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lockproof.model.report import Report


class Renderer(Protocol):
    """Makes the text of a report.

    Pure: it reads neither files of the repository nor the process environment nor a clock, and
    the same report gives the same text. The text can always be encoded as UTF-8.
    """

    def __call__(self, report: "Report") -> str:
        """Return the whole text, with a line feed at its end."""
        ...
