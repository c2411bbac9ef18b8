"""Bring control-plane/ci-cd/pins.toml up to date.

Every action gets its newest release, every image the digest that its tag has now, and Dagger's
command line the digests of the version in dagger.json. The repositories themselves are asked
(`git ls-remote`), the registries (`docker buildx imagetools inspect`, which takes no daemon) and
Dagger's list of checksums. Nothing is written unless all of them answered.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "control-plane" / "ci-cd" / "pins.toml"
_TAG = re.compile(r"^([0-9a-f]{40})\trefs/tags/(v(\d+)\.(\d+)\.(\d+))(\^\{\})?$", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Pin = dict[str, str]


class PinError(Exception):
    """A source did not answer, or not with a version; the message is one line."""


def ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise PinError(f"{command[0]} is not installed") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise PinError(f"{' '.join(command)}: {said}")
    return done.stdout


def newest_release(repository: str) -> tuple[str, str]:
    """The newest stable version tag of a GitHub repository, and the commit it names."""
    listing = ask("git", "ls-remote", "--tags", f"https://github.com/{repository}")
    commits: dict[tuple[int, ...], tuple[str, str]] = {}
    # An annotated tag is listed twice: as itself, then (`^{}`) as the commit it points to.
    for commit, tag, *numbers, _ in _TAG.findall(listing):
        commits[tuple(map(int, numbers))] = (tag, commit)
    if not commits:
        raise PinError(f"{repository} has no release tag")
    return commits[max(commits)]


def fresh_action(pin: Pin) -> Pin:
    version, commit = newest_release(pin["repository"])
    source = f"https://github.com/{pin['repository']}/releases/tag/{version}"
    return pin | {"version": version, "commit": commit, "source": source}


def fresh_image(pin: Pin) -> Pin:
    words = ("docker", "buildx", "imagetools", "inspect", pin["reference"])
    digest = ask(*words, "--format", "{{.Manifest.Digest}}").strip()
    if not _DIGEST.fullmatch(digest):
        raise PinError(f"{pin['reference']} has no digest: {digest[:80]!r}")
    name, _, tag = pin["reference"].partition(":")
    source = f"https://hub.docker.com/_/{name}/tags?name={tag}"
    return pin | {"digest": digest, "source": source}


def fresh_program(pin: Pin) -> Pin:
    """Dagger's command line, of the version that the module asks for."""
    version = json.loads((ROOT / "dagger.json").read_text("utf-8"))["engineVersion"][1:]
    source = f"https://dl.dagger.io/dagger/releases/{version}/checksums.txt"
    listed = ask("curl", "--fail", "--silent", "--show-error", "--location", source)
    found = {}
    for machine in ("amd64", "arm64"):
        archive = re.escape(f"dagger_v{version}_linux_{machine}.tar.gz")
        line = re.search(rf"^([0-9a-f]{{64}})\s+\*?{archive}$", listed, re.MULTILINE)
        if not line:
            raise PinError(f"{source} lists no archive for {machine}")
        found[machine] = line[1]
    return pin | {"version": version, **found, "source": source}


def refreshed(text: str, today: str) -> str:
    """The file with every pin as it is now; a pin that is as before keeps its source and date."""
    pins: dict[str, dict[str, Pin]] = tomllib.loads(text)
    fresh = {"action": fresh_action, "image": fresh_image, "program": fresh_program}
    lines = [line for line in text.splitlines() if line.startswith("#")]
    for kind, named in pins.items():
        for name, pin in named.items():
            new = fresh[kind](pin)
            same = all(new[key] == pin[key] for key in pin if key not in ("source", "date"))
            lines += ["", f"[{kind}.{name}]"]
            kept = pin if same else new | {"date": today}
            lines += [f'{key} = "{value}"' for key, value in kept.items()]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Bring pins.toml up to date.")
    parser.add_argument("--check", action="store_true", help="only say whether it is")
    parser.add_argument("--file", type=Path, default=PINS, help="default: control-plane/ci-cd/")
    args = parser.parse_args(argv)
    before = args.file.read_text("utf-8")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        after = refreshed(before, today)
    except PinError as error:
        print(f"pins: {error}", file=sys.stderr)
        return 1
    if args.check:
        print("up to date" if before == after else "there are newer ones: make pins")
        return int(before != after)
    args.file.write_text(after, "utf-8")
    print(f"{args.file.name}: {'as before' if before == after else 'written; now: make ci-files'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
