"""What fields mean whose class leaves it to their name, for the published schemas.

A docstring under the field says it once and for all readers; where there is one, there is no
entry here (a test checks).
"""

FIELDS = {
    "Cause.kind": "What kind of thing made the difference.",
    "Cause.certainty": "How the cause was established.",
    "Changes.data": "Data and models under DVC.",
    "Changes.metrics": "Metrics in Git.",
    "Changes.params": "Locked parameters.",
    "DataChange.base": "Its digest at the base; null where it was added.",
    "DataChange.change": "What happened to it.",
    "DataChange.current": "Its digest in the revision; null where it was removed.",
    "DataChange.current_bytes": "Size in the revision as locked.",
    "DataChange.current_files": "Files in the revision as locked; 1 for a file.",
    "Dependency.path": "POSIX path below the DVC root.",
    "Dependency.locked": "Its digest in the lock; null where the lock has none.",
    "Difference.largest": "Where the two are furthest apart; null where nothing is larger.",
    "Digest.value": "Hex digits; for a directory they end in `.dir`.",
    "Environment.gpus": "Model names.",
    "Environment.libc": "C library and version, such as `glibc 2.36`.",
    "Evidence.text": "One line that says what was seen.",
    "Finding.help": "The address of the page that explains the rule.",
    "Finding.severity": "Whether it fails the report.",
    "FolderChange.added": "How many files are new.",
    "FolderChange.changed": "How many files have other content.",
    "FolderChange.removed": "How many files are gone.",
    "Host.environment": "The environment that stage commands saw; null where none ran.",
    "Host.metrics": "Every metric of the outputs that are metrics.",
    "Host.mlflow": "Identifiers of what was logged to MLflow.",
    "Host.paths": "Where logs and other files of this run are.",
    "Host.stages": "Stage address -> what depends on the place, for that stage.",
    "HostStage.differences": "Output path -> what differs inside it.",
    "HostStage.evidence": "What was seen that bears on a cause.",
    "HostStage.exit_code": "Exit code of the command; null where it did not run.",
    "HostStage.log": "The file that the command's output went to.",
    "HostStage.reused": "The earlier verdict that stood in for an execution, if one did.",
    "HostStage.undeclared_inputs": "Files that the command read and the pipeline does not declare.",
    "HostStage.undeclared_outputs": (
        "Files that the command wrote and the pipeline does not declare."
    ),
    "JudgedBy.by": "The outputs of the same stage that stand for them; globs.",
    "JudgedBy.paths": "The outputs whose bytes cannot be promised; globs on their paths.",
    "JudgedBy.reason": "Why their bytes cannot be promised; reports show it.",
    "LargestDifference.locked": "The value that the lock claims, as text.",
    "LargestDifference.observed": "The value that the run gave, as text.",
    "ParamChange.change": "What happened to it.",
    "MetricValue.key": "Dotted key in the file.",
    "MetricValue.locked": "The value that the lock claims; null where it has none.",
    "MetricValue.observed": "The value that the run gave; null where it gave none.",
    "MetricValue.path": "The metrics file.",
    "MlflowPolicy.experiment": "The experiment that runs belong to.",
    "OutputReport.kind": "What the pipeline declares it as.",
    "OutputReport.locked": "Its digest in the lock; null where the lock has none.",
    "OutputReport.path": "POSIX path below the DVC root.",
    "OutputReport.verdict": "How the observed output compares with the locked one.",
    "Policy.environment": "Where stage commands find Python and packages.",
    "Policy.gate": "What `lockproof gate` looks at.",
    "Policy.rules": "Rules that are other than their pages have them, by their ids.",
    "Policy.waiver": "Findings that are let pass until a date.",
    "Policy.judged_by": "Outputs that other outputs stand for.",
    "Policy.mlflow": "Where runs are logged.",
    "Policy.provision": "What `lockproof provision` brings up, and where.",
    "Policy.lint": "What `lockproof lint` looks at and what it takes for granted.",
    "Policy.remote": "How `lockproof gate` asks remotes for what the lock claims.",
    "Policy.record": "Where run records live.",
    "Policy.reproduce": "Defaults of `lockproof reproduce`, and what may pass without proof.",
    "Policy.run": "The limits that stage commands run under.",
    "Policy.tolerance": "Outputs that are compared by value.",
    "Report.findings": "What is wrong and what to do about it.",
    "Report.schema_version": "The version of this schema; a change that breaks readers raises it.",
    "Report.stages": "What was claimed and proved, stage by stage, in pipeline order.",
    "Report.step": "The step that made the report.",
    "Report.subject": "What the report is about.",
    "Report.timing": "When it was made and how long it took.",
    "Report.tool": "Name and version of the program that made it.",
    "Report.verdict": "The worst of its parts.",
    "ReproducePolicy.frozen": "Whether a frozen stage may pass although it is not executed.",
    "ReproducePolicy.jobs": "How many stages run side by side; default: one per usable CPU.",
    "ReproducePolicy.mode": (
        "`isolated` proves each stage from its locked inputs, `chain` the whole pipeline from "
        "root data. Default: `chain` where a tolerance applies, else `isolated`."
    ),
    "ReproducePolicy.nondeterministic": (
        "Whether an output may pass that differs from run to run."
    ),
    "ReproducePolicy.not_comparable": (
        "Whether an output may pass that differs and cannot be compared by value."
    ),
    "ReproducePolicy.runs": "How often each stage is executed.",
    "ReproducePolicy.unaffected": (
        "Whether a stage may pass that `--since` leaves out as not affected."
    ),
    "Reuse.key": "SHA-256 of what the verdict depends on.",
    "StageReport.causes": "Why outputs differ, as far as lockproof could tell.",
    "StageReport.command": "The stage's commands, as the lock states them.",
    "StageReport.deps": "What the stage reads.",
    "StageReport.outputs": "The verdict on each output.",
    "StageReport.skipped": "Why it was not executed; null where it was, or was reused.",
    "StageReport.verdict": "The worst of its outputs, after the policy had its say.",
    "Subject.runs": "How often each stage was executed.",
    "Timing.seconds": "Wall-clock seconds from start to end.",
    "Tolerance.atol": "The absolute part.",
    "Tolerance.rtol": "The part relative to the locked value.",
    "ToleranceRule.atol": "The absolute part.",
    "ToleranceRule.paths": "The outputs that it applies to; globs on their paths.",
    "ToleranceRule.rtol": (
        "The part relative to the locked value: |locked - observed| <= atol + rtol * |locked|."
    ),
}
"""`Class.field` -> what it means."""
