"""What an output depends on that no commit holds: a condition of the machine or the moment."""

from dataclasses import dataclass

from lockproof.model.cause import Cause, CauseKind, Certainty
from lockproof.model.condition import RUN_TO_RUN, condition_noun

_OPAQUE = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".skops", ".h5", ".zip", ".onnx")


@dataclass(frozen=True)
class Dependence:
    """What an experiment showed: with only this condition varied, outputs came out differently."""

    condition: str
    setting: str
    """What it was varied to, such as `TZ=XXX-13:45`."""
    mend: str
    outputs: tuple[str, ...]
    files: tuple[str, ...] = ()
    """In outputs that are directories, the files that came out differently; a few of them."""
    met: bool = False
    """Whether the locked outputs came out under it."""
    shown: str = ""
    """How it was shown, where not by one run under that setting."""
    unsteady: bool = False
    """Whether outputs vary from run to run unless the condition is set so."""

    uncontrolled: tuple[str, ...] = ()
    """Variables by which it was set: the outputs may show these and not depend on the condition."""

    @property
    def proven(self) -> bool:
        """Whether the locked outputs came out under it, and no variable may be why."""
        return self.met and not self.uncontrolled

    @property
    def run_to_run(self) -> bool:
        """Whether outputs are others in the next run on the same machine."""
        return self.unsteady or self.condition in RUN_TO_RUN


def dependence_cause(found: Dependence, path: str) -> tuple[Cause, tuple[tuple[str, None], ...]]:
    """The cause that a dependence is for one output, and what shows it."""
    own = found.run_to_run
    mend = found.mend
    if path.lower().endswith(_OPAQUE):
        mend += (
            "; such a file has no tolerance: let an output that can be compared stand for it"
            " ([[judged-by]])"
        )
    what = (
        "varies from run to run"
        if found.condition == "random"
        else f"depends on {condition_noun(found.condition)}"
    )
    cause = Cause(
        kind=CauseKind.NONDETERMINISM if own else CauseKind.CONDITION,
        subject=path,
        certainty=Certainty.PROVEN if own or found.proven else Certainty.LIKELY,
        condition=found.condition,
        summary=f"it {what}: {mend}",
    )
    lines = [found.shown or f"with all else held, and {found.setting}, it comes out differently"]
    if found.files:
        lines.append(f"what differs in it: {', '.join(found.files)}")
    if found.uncontrolled:
        lines.append(
            f"it may show {' or '.join(found.uncontrolled)}, by which that was set, and no more: no"
            " value is known that varies nothing"
        )
    if found.met:
        lines.append(f"with {found.setting} the locked output is made again")
    elif not own:
        lines.append("which value made the locked output is not known")
    return cause, tuple((line, None) for line in lines)
