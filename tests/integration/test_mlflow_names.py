"""Names, paths and texts that MLflow accepts, for any that a pipeline may have."""

from collections.abc import Callable
from functools import cache

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lockproof.adapters.mlflow.entities import artifact_path, clip, names_for
from lockproof.adapters.mlflow.store import Store

PLACES = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=300)), max_size=8)


@given(PLACES, st.sampled_from([40, 230, 250]))
@example([("a", "."), ("a", "_."), ("b", "."), ("", ""), ("", "..")], 250)
@example([("f", "a?"), ("f", "a!"), ("f", "/a"), ("f", "a//b"), ("f", "x" * 300)], 250)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mlflow_takes_every_name(places: list[tuple[str, str]], limit: int) -> None:
    names = names_for(places, limit)
    assert set(names) == set(places)
    assert len(set(names.values())) == len(names)
    validate: Callable[[str], None] = _validator()
    for name in names.values():
        validate(name)
        validate("lockproof.metric." + name)
        assert 0 < len(name) <= limit


@cache
def _validator() -> Callable[[str], None]:
    with Store("", "").settings():
        from mlflow.utils.validation import _validate_param_name

    return _validate_param_name


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)))
@example(["..", ".", "", "a b", "é", "#", "%2e", ".artifact.uploading.x", "\\"])
def test_an_artifact_path_stays_inside_and_is_one_of_its_kind(parts: list[str]) -> None:
    path = "/".join(parts)
    made = artifact_path(path).split("/")
    assert len(made) == max(len(path.split("/")), 1)
    assert not {"", ".", ".."} & set(made)
    assert not set("#%?\\:*") & set("".join(made))


@given(st.text(max_size=8), st.text(max_size=8))
@example("a#b", "a?b")
@example("a#b", "a_b")
@example(".", "..")
@example("a/b", "a//b")
def test_no_two_paths_become_one(one: str, other: str) -> None:
    assert (artifact_path(one) == artifact_path(other)) == (one == other)


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_cut_stays_different(one: str, other: str) -> None:
    assert len(clip(one, 20)) <= 20
    assert (clip(one, 20) == clip(other, 20)) == (one == other)
