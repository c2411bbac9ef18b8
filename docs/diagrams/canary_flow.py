"""What happens to a new model version between Git and all of the traffic."""

from draw import SOFT, STYLES, Canvas

BLUE, GREEN, RED, ORANGE, VIOLET = (
    STYLES[s].line for s in ("check", "good", "bad", "wait", "cluster")
)


def drawing() -> Canvas:
    """The annotated canary flow."""
    c = Canvas(1240, 1010, "lockproof: the canary of a model version")
    c.text(30, 40, "The canary of a model version", size=24, bold=True)
    c.text(
        30,
        64,
        "Three outcomes, not two: without enough evidence nothing is promoted, and nothing is condemned.",
        size=13,
        colour=SOFT,
    )

    # Git to the first pod.
    c.lane(20, 84, 1200, 168, "From Git to a pod", "cluster")
    row, h = 124, 108
    c.box(
        40,
        row,
        270,
        h,
        "A commit names a version",
        ["`MODEL_URI: models:/digits/2`", "`MODEL_DIGEST: md5:9b31…`", "reviewed and merged"],
        "person",
    )
    c.box(
        352,
        row,
        210,
        h,
        "Argo CD syncs",
        ["the pinned commit;", "Rollouts sees a new", "pod template"],
        "cluster",
    )
    c.box(
        604,
        row,
        230,
        h,
        "One new pod starts",
        ["its init container downloads", "the version from MLflow", "`fetch.py`"],
        "cluster",
    )
    c.diamond(956, row + h // 2, 184, 104, ["digest is", "Git's?"], "check")
    c.badge(48, row, 1)
    c.badge(360, row, 2)
    c.badge(612, row, 3)
    c.badge(956, row - 2, 4)
    c.arrow((310, row + 54), (350, row + 54))
    c.arrow((562, row + 54), (602, row + 54))
    c.arrow((834, row + 54), (862, row + 54))
    c.box(1086, row + 22, 120, 64, "Never ready", ["10 min: abort"], "bad")
    c.arrow((1048, row + 54), (1084, row + 54), label="no", at=(1064, row + 46), colour=RED)

    # The loop.
    c.lane(20, 290, 790, 366, "Step by step: 25, 50, 75 % of the pods", "check", right=True)
    c.box(
        48,
        340,
        200,
        96,
        "setWeight",
        ["25 → 50 → 75 %", "pods are the weight:", "no mesh is needed"],
        "cluster",
        mono=True,
    )
    c.box(
        290,
        340,
        170,
        96,
        "pause 2m",
        ["so that the figures", "are this step's own"],
        "cluster",
        mono=True,
    )
    c.box(
        502,
        340,
        280,
        96,
        "analysis",
        [
            "5 measurements, 30 s apart:",
            "error ratio, and p95 latency",
            "against the stable version",
        ],
        "check",
        mono=True,
    )
    c.badge(56, 340, 5)
    c.badge(298, 340, 6)
    c.badge(510, 340, 7)
    c.arrow(
        (956, 232), (956, 272), (148, 272), (148, 338), label="yes", at=(974, 262), colour=GREEN
    )
    c.arrow((248, 388), (288, 388))
    c.arrow((460, 388), (500, 388))
    c.diamond(642, 512, 236, 96, ["20 requests", "in 2 minutes?"], "check")
    c.diamond(360, 512, 236, 96, ["within bounds?", "≤ 0.02 and ≤ 1.5×"], "check")
    c.diamond(140, 512, 150, 96, ["last step?"], "check")
    c.badge(548, 486, 8)
    c.badge(262, 486, 9)
    c.arrow((642, 436), (642, 462))
    c.arrow((524, 512), (480, 512), label="yes", at=(502, 504), colour=GREEN)
    c.arrow((242, 512), (217, 512), label="yes", at=(230, 504), colour=GREEN)
    c.arrow(
        (140, 464), (140, 438), label="no: next weight", at=(150, 456), colour=BLUE, anchor="start"
    )

    # What is asked.
    c.lane(836, 290, 384, 366, "What Prometheus is asked", "plain")
    y = 338
    for words, mono in (
        ("Recorded every 15 s; promtool tests them.", False),
        ("model:error_ratio:rate2m", True),
        ("  5xx / all, of the proxy beside the model", False),
        ("model:latency_seconds:p95_2m", True),
        ("model:requests:increase2m", True),
        ("", False),
        ("The error query, for the canary alone:", False),
        ("max(model:error_ratio:rate2m{", True),
        ("    rollouts_pod_template_hash=CANARY})", True),
        ("and on ()", True),
        ("sum(model:requests:increase2m{", True),
        ("    rollouts_pod_template_hash=CANARY}) >= 20", True),
        ("", False),
        ("success  len > 0 && !isNaN && x <= 0.02", True),
        ("failure  len > 0 && !isNaN && x >  0.02", True),
        ("neither  inconclusive: empty, NaN, too few", True),
    ):
        c.text(854, y, words, size=12, mono=mono, colour=SOFT if not mono else "#1f2933")
        y += 19
    c.arrow((836, 388), (784, 388), colour=SOFT, dashed=True)

    # Outcomes.
    top, h = 720, 196
    c.box(
        48,
        top,
        340,
        h,
        "Promoted",
        [
            "setWeight 100: the old pods go;",
            "three revisions are kept.",
            "",
            "In Git: nothing to do,",
            "it says already what runs.",
            '`rollout_info{phase="Completed"}`',
        ],
        "good",
        size=13,
    )
    c.box(
        430,
        top,
        360,
        h,
        "Aborted",
        [
            "the second failure of 5 measurements:",
            "all traffic back to the old version.",
            "",
            "In Git: revert the commit; until then",
            "Git names a version that was refused.",
            "`alert ModelRolloutAborted`",
        ],
        "bad",
        size=13,
    )
    c.box(
        832,
        top,
        380,
        h,
        "Inconclusive: paused",
        [
            "the third answer without a judgement.",
            "The weight stays; a person looks, then",
            "`kubectl argo rollouts promote | abort`",
            "In Git: nothing after a promotion,",
            "a revert after an abort.",
            "`alert ModelCanaryWaits, after 30 min`",
        ],
        "wait",
        size=13,
    )
    c.arrow((140, 560), (140, 718), label="yes", at=(152, 684), colour=GREEN, anchor="start")
    c.arrow(
        (360, 560),
        (360, 690),
        (610, 690),
        (610, 718),
        label="no, twice",
        at=(485, 684),
        colour=RED,
    )
    c.arrow(
        (760, 512),
        (822, 512),
        (822, 690),
        (1022, 690),
        (1022, 718),
        label="no, three times",
        at=(922, 684),
        colour=ORANGE,
    )

    c.legend(
        30,
        976,
        [
            ("person", "Git"),
            ("cluster", "the cluster acts"),
            ("check", "a question"),
            ("good", "promote"),
            ("wait", "a person decides"),
            ("bad", "abort"),
        ],
    )
    c.text(1210, 976, "docs/diagrams/canary_flow.py", size=11, colour=SOFT, anchor="end")
    return c
