"""Absolute paths of a pipeline: in the project they are as DVC locks them, elsewhere as written."""

from posixpath import normpath

import pytest

from lockproof.model.pipeline import Stage
from lockproof.parse.pipeline_file import read_pipeline_file
from lockproof.parse.yaml_document import ParseError


def _stage(rest: str, root: str) -> Stage:
    text = f"stages: {{s: {{wdir: w, cmd: c, {rest}}}}}"
    (stage,) = read_pipeline_file(text.encode(), None, "dvc.yaml", lambda p: {}, root=root).stages
    return stage


@pytest.mark.parametrize(
    ("path", "root", "found"),
    [
        ("/r/p/data.csv", "/r/p", "data.csv"),
        ("/r/p/sub/data.csv", "/r/p", "sub/data.csv"),
        ("/r/p/./x/../w//data.csv", "/r/p", "w/data.csv"),
        ("/data.csv", "/", "data.csv"),
        ("/r/p", "/r/p", "/r/p"),
        ("/r/pq/data.csv", "/r/p", "/r/pq/data.csv"),
        ("/r/p/../data.csv", "/r/p", "/r/p/../data.csv"),
        ("/elsewhere/r/p/data.csv", "/r/p", "/elsewhere/r/p/data.csv"),
        ("/r/p/data.csv", "", "/r/p/data.csv"),
    ],
)
def test_only_those_into_the_project_are_of_it(path: str, root: str, found: str) -> None:
    stage = _stage(f"deps: [{path}], outs: [{path}], params: [{path}: [k]]", root)
    assert (stage.deps[0].path, stage.outs[0].path) == (found, found)
    assert stage.params[0].path == normpath(found)  # As DVC locks it.
    assert stage.deps[0].external == stage.outs[0].external == (found == path)


def test_parameters_that_are_named_in_two_ways_are_refused() -> None:
    with pytest.raises(ParseError, match="in two ways"):
        _stage("params: [../p.yaml: [a], /r/p.yaml: [b]]", "/r")
