"""Let the platform follow another commit: write it wherever control-plane/ pins its own repository.

The commit has to be in the repository that Argo CD or Flux reads, and has to hold the overlays. The
new pin is a change like any other: commit it, have it reviewed, then `lockproof provision`.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INPUTS = "control-plane/overlays/aws/account/inputs.yaml"


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"pin_platform: {' '.join(done.stderr.split()) or 'git failed'}")
    return done.stdout.strip()


def pinned() -> str:
    """The commit that the overlays name now."""
    found = re.search(r"^  revision: ([0-9a-f]{40})$", (ROOT / INPUTS).read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"pin_platform: {INPUTS} has no 'revision:' with a full commit")
    return found[1]


def main() -> None:
    """Write the pin."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", nargs="?", default="HEAD", help="(default: HEAD)")
    new = git("rev-parse", "--verify", f"{parser.parse_args().commit}^{{commit}}")
    git("cat-file", "-e", f"{new}:{INPUTS}")
    old = pinned()
    if new == old:
        print(f"the platform follows {new} already")
        return
    for path in sorted((ROOT / "control-plane").rglob("*.yaml")):
        text = path.read_text()
        if old in text:
            path.write_text(text.replace(old, new))
            print(path.relative_to(ROOT))
    if git("remote") and not git("branch", "--remotes", "--contains", new):
        print(f"{new} is on no branch of a remote yet: push it first", file=sys.stderr)
    print(f"{old[:12]} -> {new[:12]}; merge this, then: lockproof provision --force-conflicts")


if __name__ == "__main__":
    main()
