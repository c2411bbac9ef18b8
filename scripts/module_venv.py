"""Build `ci/.venv`, in which the Dagger module's own code is checked and tested.

dagger-io and MLflow do not fit into one environment. Standard library only, as build_venv.py.
"""

import hashlib
import shutil
import sys

from build_venv import ROOT, VENV, Installer, SetupError, base_python, remove

PLACE = ROOT / "ci" / ".venv"
PINS = ROOT / "requirements" / "module.txt"
MARK = PLACE / "lockproof-setup"


def main() -> int:
    """Build it, unless it is there as pinned now."""
    made_from = hashlib.sha256(f"{PLACE}\n{base_python()}\n".encode() + PINS.read_bytes())
    if MARK.exists() and MARK.read_text() == made_from.hexdigest():
        return 0
    uv = VENV / "bin" / "uv"
    installer = Installer(str(uv) if uv.exists() else shutil.which("uv"), PLACE)
    print(f"setup: making ci/.venv with {installer.name}", flush=True)
    try:
        remove(PLACE)
        installer.create()
        installer.install_pins(PINS)
        MARK.write_text(made_from.hexdigest())
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
