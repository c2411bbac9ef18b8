"""Values of variables that vary nothing: real programs take them for what they have without."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from lockproof.steps.reproduce.conditions import neutral

HASHES = "print(hash('a'), list({'a', 'b', 'c'}))"
TIME = "import time; print([time.strftime('%H %Z %z', time.localtime(n)) for n in (0, 1.7e7)])"
TEXT = """\
import locale, subprocess, sys
locale.setlocale(locale.LC_ALL, "")
print(locale.nl_langinfo(locale.CODESET), sys.getfilesystemencoding(), sys.flags.utf8_mode)
print(subprocess.run(["wc", "-m"], input="\\u00e9".encode(), stdout=-1, check=True).stdout)
"""


def made(code: str, variables: Mapping[str, str]) -> str:
    """What a program prints with these variables and no others that matter here."""
    env = {"PATH": os.environ["PATH"], **variables}
    argv = [sys.executable, "-c", code]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout


def test_python_takes_the_seed_for_the_usual_one() -> None:
    usual = made(HASHES, {neutral.SEED: "1"})
    assert made(HASHES, {neutral.SEED: neutral.SAME_SEED}) == usual
    assert made(HASHES, {neutral.SEED: "2"}) != usual
    assert int(neutral.SAME_SEED) != 1


@pytest.mark.parametrize(
    "zone", [None, "", "UTC", "UTC0", "Europe/Berlin", ":Europe/Berlin", "AAA-5"]
)
def test_the_time_zone_stays(zone: str | None) -> None:
    now = {} if zone is None else {"TZ": zone}
    same = neutral.same_zone(now)
    assert same["TZ"] != zone
    assert made(TIME, same) == made(TIME, now)


@pytest.mark.parametrize(
    "now",
    [
        {},
        {"LANG": "C"},
        {"LANG": "C.UTF-8"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LC_ALL": "C.utf8"},
        {"LC_ALL": "C.UTF-8", "LC_CTYPE": "C"},
        {"LANG": "C.UTF-8", "LC_CTYPE": "C"},
        {"LC_CTYPE": "C.UTF-8"},
    ],
)
def test_the_locale_stays(now: Mapping[str, str]) -> None:
    same = neutral.same_locale(now)
    assert same["LC_ALL"] != now.get("LC_ALL")
    assert made(TEXT, {**now, **same}) == made(TEXT, now)


def test_the_number_of_threads_stays() -> None:
    assert neutral.same_threads({}, 12) == {
        "OMP_NUM_THREADS": "12",
        "OPENBLAS_NUM_THREADS": "12",
        "MKL_NUM_THREADS": "12",
        "NUMEXPR_NUM_THREADS": "8",
    }
    assert neutral.same_threads({"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "2,1"}, 12) == {
        "OMP_NUM_THREADS": "04",
        "OPENBLAS_NUM_THREADS": "4",
        "MKL_NUM_THREADS": " 2,1",
        "NUMEXPR_NUM_THREADS": "4",
    }


def test_numpy_computes_as_without() -> None:
    code = "from numpy._core._multiarray_umath import __cpu_features__ as f; print(f)"
    name = "NPY_DISABLE_CPU_FEATURES"
    assert made(code, {name: neutral.SAME_CPU[name]}) == made(code, {})


def test_a_user_gets_no_other_name() -> None:
    assert neutral.same_user({"USER": "ann"}, "stage") == {"LOGNAME": "stage"}
    assert neutral.same_user({"USER": "ann", "LOGNAME": "ann"}, "stage") == {}
