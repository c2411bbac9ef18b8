"""The whole life of a change: from an edit to traffic, and what stands behind each step."""

from draw import SOFT, STYLES, Canvas

BLUE, GREEN, VIOLET = (STYLES[s].line for s in ("check", "store", "cluster"))


def drawing() -> Canvas:
    """The architecture diagram."""
    c = Canvas(1256, 900, "lockproof: the life of a change")
    c.text(30, 40, "The life of a change", size=24, bold=True)
    c.text(30, 64, "What a commit claims about data, code and models is proved before it merges, and "
           "watched before it gets all traffic.", size=13, colour=SOFT)  # fmt: skip

    # Work and proof, from left to right.
    c.lane(20, 84, 1200, 190, "Work and proof", "check")
    row, h = 124, 130
    c.box(
        40,
        row,
        168,
        h,
        "Engineer",
        ["`git clone`", "`dvc pull`", "`dvc repro`", "edit · train · push"],
        "person",
    )
    c.box(
        250,
        row,
        188,
        h,
        "record",
        ["binds the lock to", "metrics, parameters", "and environment;", "logs the run"],
        "check",
        mono=True,
    )
    c.box(
        480,
        row,
        188,
        h,
        "gate --pr",
        ["lock · remote · Git", "record · metrics", "manifests", "seconds, no data"],
        "check",
        mono=True,
    )
    c.box(
        710,
        row,
        188,
        h,
        "reproduce",
        ["runs changed stages", "from locked inputs,", "compares, explains", "CPU or GPU runner"],
        "check",
        mono=True,
    )
    c.box(
        940,
        row,
        260,
        h,
        "Merge · desired state",
        [
            "Git names the model version",
            "and its digest; the pin of the",
            "platform is a full commit",
            "blocked unless all is proved",
        ],
        "person",
    )
    c.badge(48, row, 1)
    c.badge(258, row, 2)
    c.badge(488, row, 3)
    c.badge(718, row, 4)
    c.badge(948, row, 5)
    for x in (208, 438, 668, 898):
        c.arrow((x, row + h / 2), (x + 40, row + h / 2))

    # What they read and write.
    c.lane(20, 318, 1200, 144, "Data plane: what is versioned", "store", right=True)
    row, h = 352, 90
    c.box(
        40,
        row,
        290,
        h,
        "Git",
        ["code · params · dvc.lock · metrics", "manifests · policy · run records"],
        "store",
    )
    c.box(
        366,
        row,
        196,
        h,
        "MLflow",
        ["runs · registered models", "artifacts proxied to S3"],
        "store",
    )
    c.box(
        598,
        row,
        602,
        h,
        "DVC remote (S3)",
        ["data and models, by their MD5", "versioned · encrypted · never public"],
        "store",
    )
    c.arrow((124, 254), (124, 352), label="commit", at=(130, 310), colour=GREEN, anchor="start")
    c.arrow(
        (180, 254),
        (180, 294),
        (622, 294),
        (622, 352),
        label="dvc push",
        at=(250, 289),
        colour=GREEN,
    )
    c.arrow((404, 254), (404, 352), label="run", at=(410, 313), colour=GREEN, anchor="start")
    c.arrow(
        (650, 352),
        (650, 254),
        label="lists, downloads nothing",
        at=(657, 301),
        colour=SOFT,
        dashed=True,
        anchor="start",
    )
    c.arrow(
        (838, 352), (838, 254), label="locked inputs", at=(845, 301), colour=GREEN, anchor="start"
    )
    c.arrow(
        (1130, 254),
        (1130, 296),
        (1238, 296),
        (1238, 484),
        (230, 484),
        (230, 442),
        colour=GREEN,
        label="desired state",
        at=(1060, 479),
    )

    # The cluster.
    c.lane(
        20,
        506,
        1200,
        330,
        "Control plane: one Kubernetes cluster, as declared in Git",
        "cluster",
        right=True,
    )
    c.lane(40, 546, 800, 270, "One small CPU node: always on", "plain", right=True)
    row, h = 586, 96
    c.box(
        60,
        row,
        230,
        h,
        "Argo CD / Flux",
        ["syncs one full commit", "server-side apply · waves"],
        "cluster",
    )
    c.box(
        330,
        row,
        230,
        h,
        "Argo Rollouts / Flagger",
        ["25 → 50 → 75 → 100 %", "promote · pause · abort"],
        "cluster",
    )
    c.box(
        600,
        row,
        220,
        h,
        "Prometheus",
        ["errors and latency of each", "version; rules with unit tests"],
        "cluster",
    )
    c.box(
        60,
        704,
        230,
        h,
        "Crossplane",
        ["bucket · volumes · cluster", "node groups · ModelStore"],
        "cluster",
    )
    c.box(
        330, 704, 230, h, "Model pods", ["refuse a model whose", "digest is not Git's"], "cluster"
    )
    c.box(
        600,
        704,
        220,
        h,
        "MLflow",
        ["server · registry · users", "nightly backup to the bucket"],
        "cluster",
    )
    c.badge(68, row, 6)
    c.badge(338, row, 7)
    c.badge(608, row, 8)
    c.lane(864, 546, 336, 270, "GPU nodes: from zero, on demand", "plain", right=True)
    c.box(
        884,
        586,
        296,
        96,
        "reproduce · training",
        ["a pod that asks for a GPU", "brings a node up; idle: gone"],
        "cluster",
    )
    c.box(
        884,
        704,
        296,
        96,
        "inference",
        ["only where the model", "needs it (component gpu)"],
        "cluster",
    )
    c.arrow((100, 442), (100, 586), label="pulls", at=(106, 500), colour=VIOLET, anchor="start")
    c.arrow((290, 634), (328, 634), colour=VIOLET)
    c.arrow((430, 682), (430, 702), colour=VIOLET)
    c.arrow((600, 634), (562, 634), colour=VIOLET)
    c.arrow((560, 752), (580, 752), (580, 664), (598, 664), colour=VIOLET, dashed=True)
    c.arrow((175, 682), (175, 702), colour=VIOLET)

    c.legend(
        30,
        872,
        [
            ("person", "people, and Git as they change it"),
            ("check", "lockproof STEP"),
            ("store", "what is versioned"),
            ("cluster", "runs in the cluster"),
        ],
    )
    c.text(1210, 872, "docs/diagrams/architecture.py", size=11, colour=SOFT, anchor="end")
    return c
