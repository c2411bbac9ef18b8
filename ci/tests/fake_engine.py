"""A fake engine: it runs nothing, but keeps what the module would have it do."""

import dataclasses
from functools import cache
from typing import Any

import cattrs
import dagger
from dagger.client._core import Context, make_converter

Chain = tuple[tuple[str, dict[str, Any]], ...]
"""Calls one after the other, each with its arguments; objects among those are chains as well."""


def chain(thing: Any) -> Any:
    """An object of Dagger's API as the calls that it was made by."""
    if isinstance(thing, (list, tuple)):
        return [chain(one) for one in thing]
    if not isinstance(thing, dagger.client.base.Type):
        return thing
    return tuple(
        (one.name, {name: chain(value) for name, value in one.args.items()})
        for one in thing._ctx.selections
    )


@dataclasses.dataclass
class FakeEngine:
    """Answers as if every command ended with an exit code."""

    code: int = 0
    codes: dict[str, int] = dataclasses.field(default_factory=dict)
    """Program -> its exit code, where that is another one."""
    errors: dict[str, str] = dataclasses.field(default_factory=dict)
    """Program -> what it says to standard error, where it does."""
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    """Path -> text, of every directory."""
    commits: dict[str, str] = dataclasses.field(default_factory=dict)
    """REVISION:PATH -> text, as Git says it."""
    asked: list[Chain] = dataclasses.field(default_factory=list)
    """What the engine was asked for, as calls from the root on."""

    @property
    def execs(self) -> "list[Exec]":
        """Every command that ran for an answer, in order."""
        return [Exec.of(one) for one in self.asked if any(name == "withExec" for name, _ in one)]


@dataclasses.dataclass(frozen=True)
class Exec:
    """The last command of a container, and what it would have seen."""

    argv: list[str]
    env: dict[str, str]
    mounts: dict[str, Any]
    """Path -> (kind, chain of calls) of what is put or mounted there before the command."""
    secrets: dict[str, Any]
    services: dict[str, Any]
    user: str | None
    workdir: str | None
    gpus: list[str] | None
    """Their numbers; none in the list: all of them; None: no GPU."""
    image: Any
    calls: Chain

    @classmethod
    def of(cls, calls: Chain) -> "Exec":
        last = max(i for i, (name, _) in enumerate(calls) if name == "withExec")
        before = calls[:last]
        found: dict[str, Any] = {"env": {}, "mounts": {}, "secrets": {}, "services": {}}
        found |= {"user": None, "workdir": None, "gpus": None, "image": None}
        for name, args in before:
            match name:
                case "from":
                    found["image"] = args["address"]
                case "withEnvVariable":
                    found["env"][args["name"]] = args["value"]
                case "withSecretVariable":
                    found["secrets"][args["name"]] = args["secret"]
                case "withServiceBinding":
                    found["services"][args["alias"]] = args["service"]
                case "withUser":
                    found["user"] = args["name"]
                case "withWorkdir":
                    found["workdir"] = args["path"]
                case "experimentalWithGPU":
                    found["gpus"] = args["devices"]
                case "experimentalWithAllGPUs":
                    found["gpus"] = []
                case (
                    "withMountedCache"
                    | "withMountedDirectory"
                    | "withMountedSecret"
                    | "withMountedFile"
                    | "withDirectory"
                    | "withFile"
                ):
                    kept = {k: v for k, v in args.items() if k != "path"}
                    found["mounts"][args["path"]] = (name, kept)
        return cls(argv=calls[last][1]["args"], calls=calls, **found)


class Ended(Exception):
    """A call ended with this command, which was to fail."""

    def __init__(self, last: Exec) -> None:
        super().__init__(last.argv)
        self.last = last


@dataclasses.dataclass(slots=True)
class Recording(Context):
    """Where Dagger's API keeps its calls, with the fake engine at its end."""

    engine: FakeEngine = dataclasses.field(default_factory=FakeEngine, compare=False)

    def __post_init__(self) -> None:
        self.converter = _converter()

    async def execute(self, return_type: Any = None) -> Any:
        calls: Chain = tuple(
            (one.name, {name: chain(value) for name, value in one.args.items()})
            for one in self.selections
        )
        self.engine.asked.append(calls)
        if calls[-1][0] == "sync":
            raise Ended(Exec.of(calls))
        if calls[-1][0] == "exitCode":
            return self.engine.codes.get(Exec.of(calls).argv[0], self.engine.code)
        if calls[-1][0] == "stderr":
            return self.engine.errors.get(Exec.of(calls).argv[0], "")
        if calls[-1][0] == "stdout":
            return self.engine.commits.get(Exec.of(calls).argv[-1], "")
        if calls[-1][0] == "exists":
            return calls[-1][1]["path"] in self.engine.files
        if calls[-1][0] == "contents" and calls[-2][0] == "file":
            path = calls[-2][1]["path"]
            if path == "/home/lockproof/said/policy":
                # By the command that asked for it.
                return self.engine.commits.get(Exec.of(calls).argv[4], "")
            return self.engine.files.get(path, "")
        return "" if return_type is str else None


@cache
def _converter() -> cattrs.Converter:
    """One for all calls: the SDK's makes one for each, which takes most of a test's time."""
    made: cattrs.Converter = make_converter(Context())
    return made
