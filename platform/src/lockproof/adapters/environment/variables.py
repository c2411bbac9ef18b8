"""The environment variables that stage commands see: a short list, the same everywhere.

What a stage sees is decided here and nowhere else. From the caller's environment it gets, if set:

- `LOCALE`: language and time zone;
- `RUNTIMES`: where other language runtimes live (folders, never credentials);
- `NUMERIC`: what numeric libraries read to choose threads, kernels and devices. A machine's owner
  sets these for the machine; `describe` puts every one of them into the fingerprint;
- `NETWORK`: proxies and certificate authorities, only where the policy allows the network;
- what the policy's `pass-env` names.

`PATH`, `HOME`, `TMPDIR` and `TERM=dumb` are set, then the caller's `extra`; a stage also gets
a fixed `PYTHONHASHSEED` (`steps.reproduce.world`) unless one is passed on. All else is dropped:
cloud and registry credentials, tokens, `MLFLOW_*`, `PYTHON*`, lockproof's own virtual environment.
"""

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from lockproof.config import RunPolicy

LOCALE = ("LANG", "LANGUAGE", "LC_*", "TZ", "USER", "LOGNAME")
RUNTIMES = (
    *("CUDA_HOME", "CUDA_PATH", "JAVA_HOME", "JULIA_DEPOT_PATH", "LD_LIBRARY_PATH"),
    *("PYENV_VERSION", "R_HOME", "R_LIBS", "R_LIBS_SITE", "R_LIBS_USER"),
)
NUMERIC = (
    *("OMP_*", "GOMP_*", "KMP_*", "OPENBLAS_*", "GOTO_NUM_THREADS", "MKL_*", "BLIS_*"),
    *("NUMEXPR_*", "VECLIB_MAXIMUM_THREADS", "NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY"),
    # Devices, and how their results come to be the same each time: CUDA, PyTorch, TensorFlow, JAX
    *(
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_LAUNCH_BLOCKING",
    ),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "HIP_VISIBLE_DEVICES"),
    *("TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TF_CUDNN_USE_AUTOTUNE"),
    *("TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "JAX_ENABLE_X64", "JAX_PLATFORMS"),
    *("JAX_DEFAULT_MATMUL_PRECISION", "JAX_DEFAULT_PRNG_IMPL", "JAX_NUM_CPU_DEVICES"),
)
NETWORK = (
    *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"),
)
_LOCKPROOFS_OWN = (
    *("PYTHONHOME", "PYTHONEXECUTABLE", "VIRTUAL_ENV*", "__PYVENV_LAUNCHER__"),
    "PYDANTIC_DISABLE_PLUGINS",  # The command line sets it for itself.
)
"""Describe lockproof's own Python: a glob in `pass-env` does not take these, only the full name."""
_LOADING = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD"),
)
"""Decide which packages and libraries a Python finds."""


def stage_variables(
    policy: RunPolicy, *, path: str, home: Path, tmp: Path, extra: Mapping[str, str]
) -> dict[str, str]:
    """The variables for a stage's commands, sorted by name.

    `path` is the search path (`PipelineEnvironment.search_path`), `home` and `tmp` are scratch
    folders, and `extra` (such as `DVC_ROOT` and `DVC_STAGE`) wins over everything.
    """
    globs = LOCALE + RUNTIMES + NUMERIC + (NETWORK if policy.network else ())
    variables = {
        name: value
        for name, value in os.environ.items()
        if selected(name, globs)
        or name in policy.pass_env
        or (selected(name, policy.pass_env) and not selected(name, _LOCKPROOFS_OWN))
    }
    variables |= {"PATH": path, "HOME": str(home), "TMPDIR": str(tmp), "TERM": "dumb"}
    variables |= extra
    return dict(sorted(variables.items()))


def bare(policy: RunPolicy) -> RunPolicy:
    """The policy for a look at the pipeline's Python: what it loads, and nothing that is secret."""
    passed = tuple(name for name in _LOADING if selected(name, policy.pass_env))
    return policy.model_copy(update={"pass_env": passed, "network": False})


def selected(name: str, globs: tuple[str, ...]) -> bool:
    """Whether a variable's name matches one of the globs; case matters."""
    return any(fnmatchcase(name, glob) for glob in globs)
