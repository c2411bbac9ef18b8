"""Reproduce, then a step of one's own, then the gate with the proof as evidence.

When lockproof has `register`, it will stand after such a step as the gate does here.
"""

from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, function, object_type


@object_type
class Compose:
    """Deliver a pipeline's models: proved, small enough to serve, and let through by the gate."""

    repository: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(["**/.venv", "**/.dvc/cache"]),
        Doc("The Git repository, with its .git"),
    ]
    path: Annotated[str, Doc("The folder in it that .dvc is in")] = "."
    base_image: Annotated[str, Doc("What lockproof and the step of this module run on")] = (
        "python:3.13-slim"
    )

    @function(cache="never")
    async def deliver(
        self,
        models: Annotated[list[str], Doc("The pipeline's models, files or folders")],
        budget: Annotated[int, Doc("How many bytes they may have together")] = 50_000_000,
        revision: Annotated[str, Doc("Commit, branch or tag")] = "HEAD",
    ) -> dagger.Directory:
        """The reports of all steps; the first step that does not pass fails the call."""
        lockproof = dag.lockproof(
            repository=self.repository, path=self.path, base_image=self.base_image
        )
        proof = lockproof.proof().reproduce(revision=revision)
        await proof.verdict()  # Nothing after it, unless it is proved.
        size = await self.within_budget(lockproof.models().export(models), budget)
        gate = lockproof.proof().gate(revision=revision, report=proof.json())
        await gate.verdict()
        return (
            dag.directory()
            .with_directory("reproduce", proof.reports())
            .with_new_file("models.txt", size)
            .with_directory("gate", gate.reports())
        )

    @function
    async def within_budget(self, models: dagger.Directory, budget: int) -> str:
        """The sizes of models; fails where they are more than the budget together."""
        look = (
            "import pathlib, sys\n"
            "sizes = {p: p.stat().st_size for p in pathlib.Path('.').rglob('*') if p.is_file()}\n"
            "print(*(f'{size:>12} {path}' for path, size in sorted(sizes.items())), sep='\\n')\n"
            "total, budget = sum(sizes.values()), int(sys.argv[1])\n"
            "if not 0 < total <= budget:\n"
            "    sys.exit(f'the models have {total} bytes together, the budget is {budget}')\n"
        )
        return await (
            dag.container()
            .from_(self.base_image)
            .with_directory("/models", models)
            .with_workdir("/models")
            .with_exec(["python3", "-c", look, str(budget)])
            .stdout()
        )
