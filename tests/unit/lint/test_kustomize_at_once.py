"""Many kustomizations built at once, several in one sandbox: each as if it were alone."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from lockproof.adapters.kustomize.program import Answer, Job, Kustomize, find_kustomize
from unit.lint.trees import linted


def kustomize() -> Kustomize:
    found = find_kustomize()
    assert found, "the extra brings it"
    return found


def configmaps(numbers: Iterable[int]) -> list[Job]:
    """Kustomizations of one ConfigMap each; every fifth names a file that is not there."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n{0}}}\n"
    return [
        Job(
            {
                f"n{number}/kustomization.yaml": b"resources: [a.yaml, b.yaml]\n"
                if number % 5 == 4
                else b"resources: [a.yaml]\n",
                f"n{number}/a.yaml": text.format(number).encode(),
            },
            f"n{number}",
        )
        for number in numbers
    ]


def test_of_many_each_is_told_what_it_is_told_alone() -> None:
    jobs = configmaps(range(40))
    together = kustomize().build(jobs)
    assert [b"name: n%d\n" % n in (one.output or b"") for n, one in enumerate(together)] == [
        n % 5 != 4 for n in range(40)
    ]
    for number in (3, 4, 39):
        assert kustomize().build(jobs[number : number + 1]) == [together[number]]
    assert "n4/b.yaml" in together[4].refusal
    assert "tree" not in together[4].refusal


def stand_in(tmp_path: Path, script: str) -> Kustomize:
    """No kustomize: a program that behaves as one that is ended, hangs or writes without end."""
    program = tmp_path / "stand-in"
    program.write_text(f"#!/bin/sh\n{script}\necho made: ${{3##*/}} > $2\n")
    program.chmod(0o755)
    return Kustomize((str(program),))


def test_a_build_that_is_killed_takes_no_other_with_it(tmp_path: Path) -> None:
    killed = stand_in(tmp_path, "case $3 in */n7) kill -9 $$;; esac")
    answers = killed.build(configmaps(range(20)))
    assert [one.output for one in answers] == [
        None if number == 7 else b"made: n%d\n" % number for number in range(20)
    ]
    assert not answers[7].finished
    assert "137" in answers[7].refusal


def test_a_build_that_does_not_end_is_ended_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lockproof.adapters.kustomize.program._SECONDS", 3.0)
    hangs = stand_in(tmp_path, "case $3 in */n1) exec /bin/sleep 600;; esac")
    answers = hangs.build(configmaps(range(8)))
    assert not answers[1].finished
    assert answers[1].refusal == "took longer than 3 s"


def test_what_all_builds_make_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockproof.adapters.kustomize.program._ALL_LARGEST", 50)
    answers = stand_in(tmp_path, "").build(configmaps(range(20)))
    kept = [one for one in answers if one.output]
    assert 0 < sum(len(one.output or b"") for one in kept) <= 50
    assert {one.finished for one in answers if not one.output} == {False}


def test_how_far_it_is_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockproof.adapters.kustomize.program._TOLD_AFTER", -1.0)
    said: list[str] = []
    stand_in(tmp_path, "").build(configmaps(range(20)), said.append)
    assert said[-1] == "built 20 of 20"


def test_a_component_that_fits_a_root_is_tried_on_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To build each on four roots took most of the time of a lint of this repository."""
    counted: list[str] = []

    class Counting(Kustomize):
        def build(self, jobs: Sequence[Job], say: Callable[[str], None] = str) -> list[Answer]:
            counted.extend(job.folder for job in jobs)
            return super().build(jobs, say)

    program = Counting(kustomize().command)
    monkeypatch.setattr("lockproof.adapters.kustomize.program.find_kustomize", lambda: program)
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    patch = "patches:\n- target: {kind: ConfigMap, name: n2}\n"
    patch += "  patch: |\n    - {op: remove, path: /data}\n"
    files = {"one/kustomization.yaml": f"{component}labels: [{{pairs: {{a: b}}}}]\n"}
    files["two/kustomization.yaml"] = component + patch
    for number in range(4):
        name = f"metadata: {{name: n{number}}}\ndata: {{a: b}}\n"
        files[f"r{number}/kustomization.yaml"] = "resources: [a.yaml]\n"
        files[f"r{number}/a.yaml"] = f"apiVersion: v1\nkind: ConfigMap\n{name}"
    result = linted(tmp_path, files)
    assert [found.message for found in result.findings] == []
    # Four roots, the first component on the first of them, the second on the first three.
    assert len(counted) == 4 + 1 + 3
