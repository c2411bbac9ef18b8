"""Values of variables that show that conditions are set by these, and vary nothing.

What differs with them follows the variable, and not the condition that is set by it.
"""

import time
from collections.abc import Mapping

SEED = "PYTHONHASHSEED"
SAME_SEED = str(1 - (1 << 64))
"""CPython reads the seed by strtoul, which counts modulo 2**64: to it this is 1, to int() it is not
(Python/initconfig.c, `config_init_hash_seed`; strtoul(3), of a number with a minus)."""
SAME_CPU = {
    "MKL_CBWR": "AUTO",
    "ATEN_CPU_CAPABILITY": "detected",
    "GLIBC_TUNABLES": "glibc.malloc.perturb=0",
    "NPY_DISABLE_CPU_FEATURES": " ",
}
"""What names no kind of CPU leaves it to each library; 0 is glibc's default of that tunable. There
is none of OPENBLAS_CORETYPE: OpenBLAS takes a name that it does not know for some other kind."""
_UTF8 = {"UTF-8": "utf8", "utf-8": "UTF-8", "utf8": "UTF-8", "UTF8": "utf8"}
_PLAIN = {"C": "POSIX", "POSIX": "C"}
_NUMEXPR_MOST = 8
"""Threads that numexpr takes by itself at most."""


def same_zone(now: Mapping[str, str]) -> dict[str, str]:
    """`TZ` written otherwise, for the time zone that the machine has.

    Args:
        now: the variables of stages.
    """
    usual = now.get("TZ")
    if usual is None:
        return {"TZ": "UTC0" if time.tzname == ("UTC", "UTC") else ":/etc/localtime"}
    if usual in ("", "UTC"):
        return {"TZ": "UTC0"}
    return {"TZ": usual.removeprefix(":") if usual.startswith(":") else f":{usual}"}


def same_locale(now: Mapping[str, str]) -> dict[str, str]:
    """`LC_ALL` that names the usual locale in another way, or is empty: as good as not set.

    Empty where categories have different ones, or the name is written in one way only, or is no
    other than C: Python takes UTF-8 in its place as long as `LC_ALL` does not name it.
    """
    of_all = now.get("LC_ALL", "")
    usual = of_all or now.get("LANG", "")
    named = {v for n, v in now.items() if n.startswith("LC_") and v}
    if not of_all and named - {usual}:
        return {"LC_ALL": ""}
    base, _, charset = usual.partition(".")
    if charset in _UTF8:
        return {"LC_ALL": f"{base}.{_UTF8[charset]}"}
    return {"LC_ALL": _PLAIN.get(of_all, "")}


def same_user(now: Mapping[str, str], name: str) -> dict[str, str]:
    """The variables of the user that stages do not have, with its own `name`."""
    return {n: name for n in ("USER", "LOGNAME") if n not in now}


def same_threads(now: Mapping[str, str], usable: int) -> dict[str, str]:
    """As many threads as libraries take by themselves, or as they are told to already.

    Args:
        now: the variables of stages.
        usable: CPUs that a stage may use.
    """
    told = now.get("OMP_NUM_THREADS", "")
    wanted = int(told) if told.isdecimal() else usable
    default = {
        "OMP_NUM_THREADS": usable,
        "OPENBLAS_NUM_THREADS": wanted,
        # It takes one for each core of them at most, as without (MKL_DYNAMIC).
        "MKL_NUM_THREADS": wanted,
        "NUMEXPR_NUM_THREADS": min(wanted, _NUMEXPR_MOST),
    }
    return {name: _respelled(now[name]) if now.get(name) else str(n) for name, n in default.items()}


def _respelled(value: str) -> str:
    return f"0{value}" if value.isdecimal() else f" {value}"
