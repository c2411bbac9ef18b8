"""What a canary is held to: the file `canary-checks.yaml`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from .checked import Model

MOST_CHECKS = 200
MOST_INTERVALS = 20_000
"""Intervals within the horizon."""
FEWEST_INTERVALS = 30
"""Below this the asymptotic bounds were seen to err more often than they say; they may above it."""

OTHER = "other"
"""All classes that a file does not name."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Query = Annotated[str, Field(min_length=1, max_length=10_000)]
Class = Annotated[str, Field(max_length=200)]
Rate = Annotated[float, Field(ge=1e-9, le=0.5, strict=True, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Part(Model, alias_generator=to_camel, validate_by_name=False, validate_by_alias=True):
    """A mapping of the file, with Kubernetes' spelling of keys."""


class Ratio(_Part):
    """How many of all requests are of one kind, such as errors."""

    events: Query
    """Of this kind, in one interval."""
    total: Query
    """All, in one interval."""


class Mean(_Part):
    """The mean of what was measured in an interval, such as seconds per request."""

    sum: Query
    """Of what was measured, in one interval."""
    count: Query
    """How many were measured, in one interval."""


class Measure(_Part):
    """What is measured, how sure one must be, and what it takes."""

    name: Name
    """No other measure has it."""
    ratio: Ratio | None = None
    """What is measured; either this or `mean`."""
    mean: Mean | None = None
    """What is measured; either this or `ratio`."""
    worse: Literal["higher", "lower"] = "higher"
    """Which way is worse."""
    method: Literal["intervals", "bounded", "requests"] = "intervals"
    """`intervals`: each is one value, many are needed; `bounded`: the same for ratios, right for
    any number of them, and slower; `requests`: for ratios of requests that fail independently."""
    minimum_requests: Annotated[int, Field(ge=1, strict=True)] = 100
    """Of each arm, all in all, before anything is decided."""
    share: Annotated[float, Field(ge=1e-6, le=1, strict=True)] | None = None
    """Of the chance of a false alarm; without it what the others leave, in equal parts."""

    @property
    def kind(self) -> Ratio | Mean:
        """The one that is given."""
        found = self.ratio or self.mean
        assert found is not None
        return found

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.ratio is None) == (self.mean is None):
            raise ValueError("needs either ratio or mean")
        if self.ratio is None and self.method != "intervals":
            raise ValueError(f"method {self.method} is for a ratio; leave it out")
        return self


class Guard(Measure):
    """An absolute bound on the canary alone."""

    limit: Number
    """What its mean over the intervals must not reach, in the unit of the measure."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.ratio is not None and not 0 <= self.limit <= 1:
            raise ValueError("the limit of a ratio lies between 0 and 1")
        return self


class Comparison(Measure):
    """The canary beside the stable version, in the same intervals."""

    smallest_effect: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
    """From which difference on it matters, in the unit of the measure."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.ratio is not None and self.smallest_effect > 1:
            raise ValueError("the smallestEffect of a ratio is at most 1: 0.01 is one in a hundred")
        return self


class Classes(_Part):
    """How often each class comes: of what a model predicts, or of what it is asked about."""

    counts: Query
    """One series for each class, in one interval: `sum by (LABEL) (increase(…))`."""
    label: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
    """The label that names the class."""
    values: Annotated[tuple[Class, ...], Field(min_length=1, max_length=50)]
    """The classes; all others together are one more, called `other`."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.values)) < len(self.values) or OTHER in self.values:
            raise ValueError(f"values must name each class once, and none {OTHER}")
        return self


class Histogram(_Part):
    """How what was measured is distributed: the share above each of some bounds."""

    buckets: Query
    """Of one interval: a native histogram, `sum(increase(…))`, or a series for each bucket of a
    classic one, `sum by (le) (increase(…_bucket…))`."""
    bounds: Annotated[tuple[Number, ...], Field(min_length=1, max_length=50)]
    """At which it is looked; of a classic one values of `le`, of a native one ends of buckets."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.bounds) != sorted(set(self.bounds)):
            raise ValueError("bounds must ascend")
        return self


class Reference(_Part):
    """A column of a CSV file that the pipeline wrote and the lock names."""

    file: Annotated[str, Field(min_length=1, max_length=1000)]
    """The output, from the directory that lockproof is run in."""
    column: Annotated[str, Field(min_length=1, max_length=200)]
    """Its name, in the first line; of classes their names, of a histogram numbers."""


class Drift(_Part):
    """Whether frequencies are others than those of the stable version, or of the training data."""

    name: Name
    """No other measure has it."""
    classes: Classes | None = None
    """What is counted; either this or `histogram`."""
    histogram: Histogram | None = None
    """What is counted; either this or `classes`."""
    worse: Literal["higher", "lower", "either"] = "either"
    """Of a histogram: which way is worse; of latencies `higher`."""
    smallest_effect: Annotated[float, Field(gt=0, lt=1, strict=True, allow_inf_nan=False)]
    """From which difference on it matters: of the share of a class, or of what is above a bound."""
    method: Literal["intervals", "bounded", "requests"] = "intervals"
    """As of a measure that is a ratio."""
    minimum_requests: Annotated[int, Field(ge=1, strict=True)] = 100
    """Of each arm, all in all, before anything is decided."""
    share: Annotated[float, Field(ge=1e-6, le=1, strict=True)] | None = None
    """Of the chance of a false alarm; without it what the others leave, in equal parts."""
    reference: Reference | None = None
    """What the canary is held against; without it the stable version."""

    @property
    def kind(self) -> Classes | Histogram:
        """The one that is given."""
        found = self.classes or self.histogram
        assert found is not None
        return found

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.classes is None) == (self.histogram is None):
            raise ValueError("needs either classes or histogram")
        if self.classes is not None and self.worse != "either":
            raise ValueError("a class that is rarer makes another more frequent: leave worse out")
        return self


class Metadata(_Part):
    """Its name, and of whom it is."""

    name: Name
    """What the report calls these checks."""
    namespace: Name | None = None
    """Of the Canary of Flagger whose hooks they answer; without it they answer none."""


class Arms(_Part):
    """The label matchers that `$arm` stands for; `$hash` in them is a pod-template hash."""

    canary: Query
    """Label matchers of the canary's series."""
    stable: Query
    """Label matchers of the stable version's series."""


class Spec(_Part):
    """What is decided, and how surely."""

    false_abort: Rate = 0.05
    """The accepted chance that a canary is failed that is not worse, all measures together."""
    false_promote: Rate = 0.05
    """The accepted chance that a canary is passed that is worse by what matters: in the mean of the
    intervals, or of the requests where the method is `requests`."""
    interval: Annotated[int, Field(ge=1, le=86_400, strict=True)] = 60
    """Seconds that make one value; `$interval` in a query."""
    horizon: Annotated[int, Field(ge=1, strict=True)] = 14_400
    """Seconds after which there is no more waiting."""
    minimum_intervals: Annotated[int, Field(ge=FEWEST_INTERVALS, strict=True)] = FEWEST_INTERVALS
    """Before these the method `intervals` decides nothing."""
    arms: Arms
    """Which series are the canary's, and which the stable version's."""
    guards: Annotated[tuple[Guard, ...], Field(max_length=MOST_CHECKS)] = ()
    """Bounds on the canary alone."""
    comparisons: Annotated[tuple[Comparison, ...], Field(max_length=MOST_CHECKS)] = ()
    """The canary beside the stable version."""
    drifts: Annotated[tuple[Drift, ...], Field(max_length=MOST_CHECKS)] = ()
    """Frequencies of classes and buckets, beside the stable version or the training data."""

    @property
    def intervals(self) -> int:
        """How many the horizon has."""
        return self.horizon // self.interval

    @property
    def measures(self) -> tuple[Guard | Comparison, ...]:
        """Those of one figure, in the order of the file."""
        return (*self.guards, *self.comparisons)

    @property
    def all(self) -> tuple[Guard | Comparison | Drift, ...]:
        """Those, and then the drifts."""
        return (*self.measures, *self.drifts)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [measure.name for measure in self.all]
        if not names:
            raise ValueError(
                "needs a guard, a comparison or a drift: nothing checked proves nothing"
            )
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two measures are called {twice}: give each a name of its own")
        if not self.minimum_intervals <= self.intervals <= MOST_INTERVALS:
            raise ValueError(
                f"the horizon has {self.intervals} intervals; it must have at least"
                f" minimumIntervals, {self.minimum_intervals}, and at most {MOST_INTERVALS}"
            )
        stated = [m.share for m in self.all if m.share is not None]
        if sum(stated) > 1 + 1e-9:
            raise ValueError(f"the shares are {sum(stated):.6g} together, must be at most 1")
        if len(stated) < len(names) and sum(stated) > 1 - 1e-9:
            raise ValueError("the shares leave nothing for the measures without one")
        return self


class CanaryChecks(_Part):
    """The whole file."""

    api_version: Literal["lockproof.dev/v1alpha1"]
    """The version of this format."""
    kind: Literal["CanaryChecks"]
    """That it is this format."""
    metadata: Metadata
    """Its name, and of whom it is."""
    spec: Spec
    """What is decided, and how surely."""
