"""What a stage ran on: enough to tell two machines apart where results may differ."""

from collections.abc import Mapping
from typing import Literal

from .base import Frozen, sha256_of


class Environment(Frozen):
    """A fingerprint of the environment that stage commands see.

    Only `name`, `digest`, `python` and `packages` are the same wherever the pipeline
    environment is the same; the rest describes the place.
    """

    kind: str
    """`requirements`, `uv-lock`, `interpreter`, `image` or `unpinned`."""
    name: str
    """What the policy names: a path, an interpreter, an image reference."""
    digest: str | None = None
    """SHA-256 of the lock file, or the image digest; None where nothing pins it."""
    python: str | None = None
    """Version and implementation, such as `3.11.7 (CPython)`."""
    packages: Mapping[str, str] = {}
    """Normalised distribution name -> version."""
    os: str | None = None
    """Distribution and kernel, such as `Debian GNU/Linux 12; Linux 6.1`."""
    libc: str | None = None
    machine: str | None = None
    """Such as `x86_64`."""
    cpu: str | None = None
    """Model name."""
    cpu_features: tuple[str, ...] = ()
    """Sorted instruction-set flags that numeric libraries choose their kernels by."""
    blas: Mapping[str, str] = {}
    """Loaded numeric library -> version and kernel, such as `openblas: 0.3.29 Haswell`."""
    threads: Mapping[str, str] = {}
    """CPU count and thread variables that are set, such as `OMP_NUM_THREADS`."""
    gpus: tuple[str, ...] | None = ()
    """Model names of those that stages see; None: not known."""
    driver: str | None = None
    """GPU driver version."""
    cuda: Mapping[str, str] | None = None
    """`cuda` (the toolkit) and `cudnn`, as they are installed for the machine -> version; those of
    Python packages are among `packages`. None: nobody looked."""
    shell: str | None = None
    """The shell that runs stage commands."""
    timezone: str | None = None
    """`TZ`, else the zone of `/etc/localtime`, such as `Europe/Berlin`."""
    locale: Mapping[str, str] = {}
    """`LANG`, `LANGUAGE` and `LC_*`, as far as they are set."""
    umask: str | None = None
    """Such as `0022`."""
    user: str | None = None
    """`root` or `ordinary`: never a name."""
    filesystem: str | None = None
    """The kind that the work tree lies on, such as `ext4`."""
    variables: Mapping[str, str] = {}
    """Name of a variable that `pass-env` hands on -> a short digest of its value, never the value:
    see `adapters.environment.machine.masked`."""
    described: Literal["1", "2"] = "1"
    """Which of these fields whoever described it knew of: before `2`, none after `shell`."""

    @property
    def pinned_digest(self) -> str:
        """SHA-256 of the parts that do not depend on the place."""
        return sha256_of([self.kind, self.digest, self.python, dict(self.packages)])


class FactorChange(Frozen):
    """One respect in which two environments differ."""

    factor: str
    """`package`, `python`, `os`, `libc`, `machine`, `cpu`, `cpu-features`, `blas`, `threads`,
    `gpu`, `driver`, `cuda`, `shell`, `timezone`, `locale`, `umask`, `user`, `filesystem` or
    `variable`."""
    subject: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """`scikit-learn 1.8.0 -> 1.9.1`, as evidence shows it."""
        return f"{self.subject} {self.before or 'absent'} -> {self.after or 'absent'}"


def environment_changes(before: Environment, after: Environment) -> tuple[FactorChange, ...]:
    """Every respect in which `after` differs from `before`, packages one by one."""
    changes = [
        *_mapping_changes("package", before.packages, after.packages),
        *_mapping_changes("blas", before.blas, after.blas),
        *_mapping_changes("threads", before.threads, after.threads),
    ]
    for factor in ("python", "os", "libc", "machine", "cpu", "driver", "shell"):
        old, new = getattr(before, factor), getattr(after, factor)
        if old != new:
            changes.append(FactorChange(factor=factor, subject=factor, before=old, after=new))
    changes += _set_changes("cpu-features", before.cpu_features, after.cpu_features)
    if before.gpus is not None and after.gpus is not None:
        changes += _set_changes("gpu", before.gpus, after.gpus)
    if before.cuda is not None and after.cuda is not None:
        changes += _mapping_changes("cuda", before.cuda, after.cuda)
    if "1" not in (before.described, after.described):
        changes += _mapping_changes("locale", before.locale, after.locale)
        changes += _mapping_changes("variable", before.variables, after.variables)
        for factor in ("timezone", "umask", "user", "filesystem"):
            old, new = getattr(before, factor), getattr(after, factor)
            if old != new and old is not None and new is not None:
                changes.append(FactorChange(factor=factor, subject=factor, before=old, after=new))
    return tuple(changes)


def _mapping_changes(
    factor: str, before: Mapping[str, str], after: Mapping[str, str]
) -> list[FactorChange]:
    return [
        FactorChange(factor=factor, subject=key, before=before.get(key), after=after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _set_changes(
    factor: str, before: tuple[str, ...], after: tuple[str, ...]
) -> list[FactorChange]:
    if before == after:
        return []
    gone, new = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    return [
        FactorChange(
            factor=factor,
            subject=factor,
            before=" ".join(gone) or None,
            after=" ".join(new) or None,
        )
    ]
