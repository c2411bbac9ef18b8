"""What of a checkout a stage finds."""

import pytest

from lockproof.config import Policy, parse_policy
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Out, Pipeline, Stage
from lockproof.steps.reproduce.curtain import Curtain

NAME = "0" * 30


def made(value: str) -> Pipeline:
    """A pipeline whose lock names an output with this digest."""
    out = Out(path="model", locked=Digest(value=value))
    stage = Stage(
        address="make", kind="stage", file="dvc.yaml", command=("true",), locked=True, outs=(out,)
    )
    return Pipeline(stages=(stage,))


@pytest.mark.parametrize(
    "path",
    [
        f"store/files/md5/ab/{NAME}",
        f"store/files/md5/ab/{NAME}.dir",
        f"files/md5/ab/{NAME}",
        f"cd/{NAME}",
        f"old/cd/{NAME}",
        "sub/dvc.lock",
        "runs/one.json",
    ],
)
def test_what_is_to_be_proved_is_not_there_to_copy(path: str) -> None:
    policy = parse_policy('record.directory = "runs"')
    curtain = Curtain([path, "code.py"], policy, "", [made(f"cd{NAME}")])
    assert curtain.furniture == (path,)
    assert curtain.out_of_sight == ((path,) if NAME in path else ())


@pytest.mark.parametrize(
    "path", [f"ab/{NAME}", f"ab/{NAME}0", f"abc/{NAME}", f"ab/{NAME}.csv", "data/a.csv"]
)
def test_data_of_like_names_is_found(path: str) -> None:
    assert Curtain([path], Policy(), "", [made(f"cd{NAME}")]).furniture == ()


def test_a_committed_object_that_a_stage_declares_is_found() -> None:
    path = f"store/files/md5/ab/{NAME}"
    stage = Stage(
        address="fit",
        kind="stage",
        file="dvc.yaml",
        command=("true",),
        locked=True,
        deps=(Dep(path="store", locked=None),),
    )
    assert Curtain([path], Policy(), "").hidden(stage) == ()
