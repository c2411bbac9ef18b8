"""What a comparison counts while it goes through two files, and the tolerances it goes by."""

import math
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from lockproof.config import ToleranceRule
from lockproof.model.comparison import Difference, LargestDifference, Tolerance

from .bounds import MAX_NOTES
from .display import counted, shown, visible
from .numbers import Number, agree, as_float, gap, is_number, relative_to, same

ABSENT = "absent"
NOT_A_NUMBER = -1.0
"""Ranks a difference between values that are not numbers below every distance."""


_EVERY = 1 << 12
"""Single values between two questions whether to go on."""


def untiring() -> None:
    """Go on."""


class Fields:
    """Chooses the tolerance of a field: the first rule with a glob that matches."""

    def __init__(self, rules: Sequence[ToleranceRule]) -> None:
        """Take the rules in the order in which they are written."""
        self._rules = tuple((rule.fields, rule.tolerance) for rule in rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def tolerance(self, field: str) -> Tolerance | None:
        """The tolerance for a dotted key, column or array name; None where it must be equal.

        A glob also matches the field that it spells, so that `scores[0]` means the first
        score although brackets mean a set of characters in globs.
        """
        for globs, tolerance in self._rules:
            if any(g in ("*", field) or fnmatchcase(field, g) for g in globs):
                return tolerance
        return None


class Tally:
    """Counts values, and keeps the largest difference and what differs in structure."""

    def __init__(self, fields: Fields, go_on: Callable[[], object] = untiring) -> None:
        """Start with nothing compared; `go_on` is called often, and may raise to end it all."""
        self.fields, self._go_on = fields, go_on
        self.checked = 0
        self.differing = 0
        self.beyond = 0
        self._rank: tuple[bool, float] = (False, -math.inf)
        self._largest: tuple[str, str, str, float] | None = None
        self._notes: list[str] = []
        self._noted = 0

    @property
    def different(self) -> bool:
        """Whether something differs that no tolerance covers."""
        return bool(self.beyond or self._noted)

    def note(self, text: str) -> None:
        """Enter a difference in structure: a missing key, another shape."""
        self._noted += 1
        if self._noted <= MAX_NOTES:
            self._notes.append(visible(text))

    def add(self, checked: int, differing: int = 0, beyond: int = 0) -> None:
        """Enter counts of values that were compared elsewhere."""
        self._go_on()
        self.checked += checked
        self.differing += differing
        self.beyond += beyond

    def leaf(self, field: str, where: str, locked: object, observed: object) -> None:
        """Compare two single values, numbers within the tolerance of `field`."""
        self.checked += 1
        if not self.checked % _EVERY:
            self._go_on()
        if is_number(locked) and is_number(observed):
            self._numbers(field, where, locked, observed)
        elif isinstance(locked, bool) is not isinstance(observed, bool) or locked != observed:
            self.differing += 1
            self.beyond += 1
            if self.outranks(True, NOT_A_NUMBER):
                self.keep(True, NOT_A_NUMBER, where, shown(locked), shown(observed))

    def outranks(self, beyond: bool, rank: float) -> bool:
        """Whether a difference is larger than the largest so far; beyond tolerance goes first."""
        return (beyond, rank) > self._rank

    def keep(
        self,
        beyond: bool,
        rank: float,
        where: str,
        locked: str,
        observed: str,
        reference: float = math.nan,
    ) -> None:
        """Keep a difference as the largest.

        Args:
            beyond: whether it is beyond tolerance.
            rank: |locked - observed|, infinite where one is not finite, `NOT_A_NUMBER`.
            where: the place; a name of foreign origin may be part of it.
            locked: the locked value, ready to be shown.
            observed: the observed value, ready to be shown.
            reference: the locked value as a number, to relate the distance to.
        """
        self._rank = (beyond, rank)
        self._largest = (where, locked, observed, reference)

    @property
    def largest(self) -> LargestDifference | None:
        """The largest difference: beyond tolerance before within, numbers before text."""
        if self._largest is None:
            return None
        where, locked, observed, reference = self._largest
        distance = self._rank[1]
        finite = math.isfinite(distance) and distance >= 0
        return LargestDifference(
            where=visible(where),
            locked=locked,
            observed=observed,
            absolute=distance if finite else None,
            relative=relative_to(reference, distance) if finite else None,
        )

    def differences(self, by_bytes: str) -> tuple[Difference, ...]:
        """What differs, structure first; `by_bytes` says where the bytes part."""
        found = [Difference(summary=note) for note in self._notes]
        if self._noted > MAX_NOTES:
            found.append(Difference(summary=f"{self._noted - MAX_NOTES} more differ in structure"))
        if self.checked:
            found.append(
                Difference(
                    summary=self._summary(by_bytes),
                    checked=self.checked,
                    differing=self.differing,
                    beyond=self.beyond,
                    largest=self.largest,
                )
            )
        return tuple(found)

    def _summary(self, by_bytes: str) -> str:
        if not self.differing:
            if self._noted:
                return f"equal in what both have ({counted(self.checked, 'value')})"
            return f"{by_bytes}; equal by value ({counted(self.checked, 'value')})"
        verb = "differs" if self.differing == 1 else "differ"
        text = f"{self.differing} of {counted(self.checked, 'value')} {verb}"
        if not self.fields:
            return text
        if not self.beyond:
            return f"{text}, within tolerance"
        return f"{text}, {self.beyond} beyond tolerance"

    def _numbers(self, field: str, where: str, locked: Number, observed: Number) -> None:
        if same(locked, observed):
            return
        self.differing += 1
        tolerance = self.fields.tolerance(field)
        beyond = tolerance is None or not agree(locked, observed, tolerance)
        self.beyond += beyond
        distance = gap(locked, observed)
        if self.outranks(beyond, distance):
            self.keep(beyond, distance, where, shown(locked), shown(observed), as_float(locked))
