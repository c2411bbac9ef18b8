"""Run atheris (libFuzzer) on one parser or all: `make fuzz ARGS='listing 300'`."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.parsers import TARGETS, run


def _fuzz(name: str, seconds: int, corpus: Path) -> None:
    """Fuzz in this process; libFuzzer ends it."""
    import atheris

    atheris.instrument_all()

    def once(content: bytes) -> None:
        run(name, content)

    options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]
    options.append(f"-artifact_prefix={tempfile.gettempdir()}/lockproof-fuzz-{name}-")
    atheris.Setup([name, *options, str(corpus)], once)
    atheris.Fuzz()


def main() -> int:
    """Fuzz each parser in a process of its own; 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parser", nargs="?", choices=[*TARGETS, "all"], default="all")
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.corpus:
        _fuzz(args.parser, args.seconds, args.corpus)
        return 0
    failed = []
    for name in TARGETS if args.parser == "all" else [args.parser]:
        with tempfile.TemporaryDirectory(prefix=f"lockproof-fuzz-{name}-") as folder:
            for index, seed in enumerate(TARGETS[name].seeds):
                Path(folder, f"seed-{index}").write_bytes(seed)
            argv = [sys.executable, "-m", "tests.fuzz.fuzz", name, str(args.seconds)]
            done = subprocess.run([*argv, "--corpus", folder], check=False)
        print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        failed += [name] if done.returncode else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
