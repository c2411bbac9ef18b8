"""One process of each contender, for `bench_remote.py`: `python remote_proof.py WHAT ROOT`."""

import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

JOBS = 16


def prove(root: Path) -> int:
    """The claims of the `.dvc` files at the root, proved by lockproof."""
    import anyio

    from lockproof.adapters.store.config import config_files
    from lockproof.adapters.store.open import open_store
    from lockproof.model.claim import Claim
    from lockproof.model.digest import Digest
    from lockproof.parse.dvc_config import read_dvc_configs
    from lockproof.parse.yaml_document import read_yaml
    from lockproof.rules.remote import claim_findings
    from lockproof.steps.gate.prover import Options
    from lockproof.steps.gate.prover import prove as prove_claims

    claims = []
    for path in sorted(root.glob("[!.]*.dvc")):
        (document,) = read_yaml(path.read_bytes(), path.name)
        (out,) = document.value["outs"]
        claim = Claim(
            path=out["path"],
            owner=path.name,
            file=path.name,
            digest=Digest(value=out["md5"]),
            size=out["size"],
            nfiles=out.get("nfiles"),
        )
        claims.append((claim, path.name))
    files = config_files(root, (root / ".dvc" / "config").read_bytes())
    remote = read_dvc_configs(files, str(root)).remote(None)
    assert remote
    store = open_store(remote, jobs=JOBS, timeout=60)
    proof = anyio.run(prove_claims, claims, store, Options(jobs=JOBS))
    store.close()
    assert not [f for facts in proof.facts for f in claim_findings(facts)]
    return proof.objects


def enumerate_keys(root: Path) -> int:
    """What it takes at least: list the same prefixes, in parallel, and count."""
    import boto3
    from botocore.config import Config

    from lockproof.adapters.store.config import config_files
    from lockproof.parse.dvc_config import read_dvc_configs

    files = config_files(root, (root / ".dvc" / "config").read_bytes())
    remote = read_dvc_configs(files, str(root)).remote(None)
    assert remote
    client = boto3.client(
        "s3",
        endpoint_url=remote.options["endpointurl"],
        aws_access_key_id=remote.options["access_key_id"],
        aws_secret_access_key=remote.options["secret_access_key"],
        region_name="us-east-1",
        config=Config(max_pool_connections=JOBS),
    )
    total, lock = 0, threading.Lock()

    def count(first: int) -> None:
        nonlocal total
        prefix = f"{remote.path.strip('/')}/files/md5/{first:02x}/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=remote.host, Prefix=prefix)
        found = sum(len(page.get("Contents", ())) for page in pages)
        with lock:
            total += found

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(count, range(256)))
    return total


if __name__ == "__main__":
    counted = {"prove": prove, "list": enumerate_keys}[sys.argv[1]](Path(sys.argv[2]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{counted} objects, {peak} MiB")
