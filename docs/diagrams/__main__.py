"""Write the diagrams: `python docs/diagrams FOLDER` (needs rsvg-convert, of librsvg)."""

import subprocess
import sys
from pathlib import Path

import architecture
import canary_flow

SCALE = "2"  # twice GitHub's width, for screens that have the pixels


def main(folder: Path) -> None:
    """Write both PNG files."""
    for name, module in (("architecture", architecture), ("canary-flow", canary_flow)):
        target = folder / f"{name}-diagram.png"
        argv = ["rsvg-convert", "--zoom", SCALE, "--output", str(target)]
        subprocess.run(argv, input=module.drawing().svg().encode(), check=True)
        print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
