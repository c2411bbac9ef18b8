"""What came of one stage, before it becomes part of the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lockproof.adapters.verdicts import ProvedStage
from lockproof.model.cause import Cause
from lockproof.model.pipeline import Stage
from lockproof.model.report import Evidence, SkipReason, Varied
from lockproof.model.verdict import OutputVerdict

from .execution import Execution, Setup
from .judge import Judgement
from .session import Workspace


@dataclass
class Result:
    """The state of one stage while a reproduction goes on."""

    stage: Stage
    skipped: SkipReason | None = None
    missing: tuple[str, ...] = ()
    """Inputs that could not be had."""
    reused: tuple[str, ProvedStage] | None = None
    """Key and proof, where an earlier verdict stands in."""
    setup: Setup | None = None
    workspace: Workspace | None = None
    """The checkout of the first run, kept while something in it is still of use."""
    executions: list[Execution] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    verdicts: Mapping[str, OutputVerdict] = field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()
    """Outputs that a judge alone would let pass."""
    causes: tuple[Cause, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    varied: tuple[Varied, ...] = ()
    varied_runs: int = 0
    upstream: tuple[str, ...] = ()
    """Outputs of stages before it that came out differently, and that it was not judged on."""
    followed: Path | None = None
    """The DVC root of a checkout where it ran on those."""
    experiments: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def execution(self) -> Execution | None:
        """The first run, where there was one."""
        return self.executions[0] if self.executions else None

    @property
    def agrees(self) -> bool:
        """Whether it ran (or was proved before) and every output agrees with the lock."""
        if self.reused:
            return True
        return (
            bool(self.judgements)
            and all(e.succeeded for e in self.executions)
            and all(j.agrees for j in self.judgements)
        )

    @property
    def runs(self) -> bool:
        """Whether it is to be run: neither skipped nor proved before."""
        return self.skipped is None and self.reused is None

    def add(self, execution: Execution, judgement: Judgement, judging: float) -> None:
        """Keep a run, and the time it took; `judging` are the seconds of the judgement."""
        self.executions.append(execution)
        self.judgements.append(judgement)
        for phase, seconds in execution.seconds.items():
            self.spend(phase, seconds)
        self.spend("compare", judging)

    def spend(self, phase: str, seconds: float) -> None:
        """Add to the time of a phase."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
