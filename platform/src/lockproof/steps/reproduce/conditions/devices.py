"""What GPUs make of the same numbers, varied by variables that libraries read by themselves.

- `CUBLAS_WORKSPACE_CONFIG`: cuBLAS, "Results reproducibility".
- `TF_DETERMINISTIC_OPS`, `TF_CUDNN_DETERMINISTIC`: TensorFlow (NVIDIA, framework-reproducibility).
- `XLA_FLAGS=--xla_gpu_deterministic_ops=true`: XLA, and so JAX.
- `NVIDIA_TF32_OVERRIDE=0`: cuBLAS and cuDNN, whatever a framework asks of them.
- `CUDA_VISIBLE_DEVICES`: the CUDA programming guide, "Environment Variables".

PyTorch turns its deterministic algorithms on by a call alone, so that none of these does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

NO_GPU = "no GPU here"
"""Why none of these is varied: then nothing can depend on them either."""
_XLA = "--xla_gpu_deterministic_ops"


class DeviceCondition(NamedTuple):
    """One of them, with its only setting."""

    name: str
    mend: str
    label: str
    variables: Mapping[str, str]
    obstacle: str
    artificial: bool
    """Whether a command may fail for it: what has no deterministic algorithm, or needs two."""


def devices(gpus: Sequence[str] | None, now: Mapping[str, str]) -> Iterator[DeviceCondition]:
    """The conditions of this machine's GPUs.

    Args:
        gpus: the names of those that stages see; None: not known.
        now: the variables that a stage has where nothing is varied.
    """
    flags = now.get("XLA_FLAGS", "").split()
    fixed = {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TF_DETERMINISTIC_OPS": "1",
        "TF_CUDNN_DETERMINISTIC": "1",
        "XLA_FLAGS": " ".join([*(f for f in flags if not f.startswith(_XLA)), f"{_XLA}=true"]),
    }
    exact = {"NVIDIA_TF32_OVERRIDE": "0"}
    yield DeviceCondition(
        "gpu-algorithms",
        "set CUBLAS_WORKSPACE_CONFIG=:4096:8, for TensorFlow TF_DETERMINISTIC_OPS=1, for JAX"
        f" XLA_FLAGS={_XLA}=true in the command, and call torch.use_deterministic_algorithms(True);"
        " or state a tolerance",
        "deterministic algorithms on the GPU",
        fixed,
        _obstacle(gpus, fixed, now),
        artificial=True,
    )
    yield DeviceCondition(
        "tf32",
        "set NVIDIA_TF32_OVERRIDE=0 in the command, or state a tolerance",
        "NVIDIA_TF32_OVERRIDE=0",
        exact,
        _obstacle(gpus, exact, now),
        artificial=False,
    )
    yield DeviceCondition(
        "gpu-count",
        "set CUDA_VISIBLE_DEVICES=0 in the command, or state a tolerance",
        "one GPU",
        {"CUDA_VISIBLE_DEVICES": _first(now)},
        _obstacle(gpus, {}, now) or _one_only(gpus or ()),
        artificial=True,
    )


def _obstacle(gpus: Sequence[str] | None, wanted: Mapping[str, str], now: Mapping[str, str]) -> str:
    if gpus is None:
        return "which GPUs stages see is not known"
    if not gpus:
        return NO_GPU
    if wanted and all(now.get(name) == value for name, value in wanted.items()):
        return f"it is so already: {', '.join(f'{n}={v}' for n, v in wanted.items())}"
    return ""


def _visible(now: Mapping[str, str]) -> list[str] | None:
    """The GPUs that are named to be seen; None: all."""
    named = now.get("CUDA_VISIBLE_DEVICES")
    return None if named is None else [each for each in named.split(",") if each.strip()]


def _first(now: Mapping[str, str]) -> str:
    return next(iter(_visible(now) or ["0"])).strip()


def _one_only(gpus: Sequence[str]) -> str:
    return "" if len(gpus) > 1 else "stages see one GPU only"
