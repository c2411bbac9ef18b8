"""What a Rollout says of its canary, and what a verdict does to it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.adapters.kubernetes.rollouts import Rollouts, state_of
from lockproof.errors import ConfigError, LockproofError, UnavailableError, UsageError
from lockproof.model.rollout import RolloutState
from lockproof.model.verdict import Verdict
from lockproof.parse.canary_checks import read_canary_checks, with_hashes
from lockproof.steps.canary.act import Act, Change, Judged, carry_out, decide
from unit.parse.test_canary_checks import DEFAULT, GOOD

STATE = RolloutState("u", "7", "new", "old", "Paused", 1000, waits=True)
WAITS_AT = 1_796_004_600
"""02:10: when the pause began."""

PAUSE = {"reason": "CanaryPauseStep", "startTime": "2026-11-30T02:10:00Z"}


def judged_of(state: RolloutState, verdict: Verdict, until: int = WAITS_AT + 180) -> Judged:
    return Judged(state, verdict, until=until, interval=60)


class Cluster:
    """A stand-in for a cluster with one Rollout: who changes it first, wins."""

    server, context = "https://cluster", "lab"

    def __init__(self, body: Any) -> None:
        self.body, self.patches, self.before = body, [], []  # type: ignore[var-annotated]
        self.experiment: Any = None
        self.sets: list[Any] = []
        """Of the experiment."""

    def kind(self, api_version: str, kind: str) -> str:
        return kind

    def get(self, kind: str, namespace: str, name: str) -> Any:
        return self.body if kind == "Rollout" else self.experiment

    def listed(self, kind: str, namespace: str, selector: str) -> Any:
        if kind != "ReplicaSet":
            return []
        return [owned("2026-11-30T01:00:00Z"), *self.sets]

    def change(self, kind: str, live: Any, patch: Any, *, status: bool) -> None:
        from lockproof.adapters.kubernetes.answers import Refusal, Why

        if self.before:
            self.before.pop(0)()
        if live["metadata"]["resourceVersion"] != self.body["metadata"]["resourceVersion"]:
            raise Refusal(Why.CHANGED, "it has changed")
        self.patches.append((status, patch))


def owned(created: str, phase: str = "") -> dict[str, Any]:
    metadata = {"name": "one", "creationTimestamp": created, "ownerReferences": [{"uid": "u"}]}
    return {"metadata": metadata, "status": {"phase": phase} if phase else {}}


def body(**status: Any) -> dict[str, Any]:
    """A Rollout that waits at its second step."""
    usual = {
        "observedGeneration": "3",
        "currentPodHash": "new",
        "stableRS": "old",
        "phase": "Paused",
        "currentStepIndex": 1,
        "pauseConditions": [PAUSE],
        "conditions": [
            {"type": "Completed", "status": "False", "lastTransitionTime": "2026-11-30T02:00:00Z"}
        ],
    }
    names = {"namespace": "n", "name": "r", "uid": "u", "resourceVersion": "7", "generation": 3}
    steps = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 100}]
    return {
        "metadata": names,
        "spec": {"strategy": {"canary": {"steps": steps}}},
        "status": usual | status,
    }


def rollouts(of: dict[str, Any] | None) -> tuple[Rollouts, Cluster]:
    cluster = Cluster(of)
    return Rollouts(cluster), cluster  # type: ignore[arg-type]


def test_a_canary_that_waits_is_read() -> None:
    state = rollouts(body())[0].state("n", "r")
    assert (state.canary, state.stable, state.version, state.step) == ("new", "old", "7", 1)
    assert state.began == 1_796_004_000  # 02:00, when it diverged; its ReplicaSet is older
    assert (state.waits, state.paused) == (True, WAITS_AT)
    assert state.plan == ("weight 25 %", "pause until promoted", "weight 100 %")
    assert (state.aborted, state.promoted, state.held, state.doubted) == (False,) * 4


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        (None, UsageError, "there is no Rollout n/r in the cluster https://cluster"),
        (
            body(currentPodHash="old"),
            UsageError,
            "no canary going on: all of it is the version old",
        ),
        (body(stableRS=""), UsageError, "no stable version yet"),
        (body(phase="Dreaming"), UsageError, "phase 'Dreaming', of which this version"),
        (body(observedGeneration="2"), UnavailableError, "has not seen generation 3 yet (2 was"),
        (body(observedGeneration=""), UnavailableError, "(none was the last)"),
        (body() | {"spec": {"strategy": {"blueGreen": {}}}}, UsageError, "has no canary: its"),
    ],
)
def test_what_is_no_canary_is_told(changed: Any, error: type[LockproofError], words: str) -> None:
    with pytest.raises(error) as told:
        rollouts(changed)[0].state("n", "r")
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_of_reasons_to_wait_only_a_pause_without_an_end_waits() -> None:
    timed = body(currentStepIndex=1)
    timed["spec"]["strategy"]["canary"]["steps"][1] = {"pause": {"duration": "2m"}}
    doubted = body(pauseConditions=[PAUSE, {"reason": "InconclusiveAnalysisRun"}])
    found = [state_of(one, [owned("2026-11-30T03:00:00Z")], []) for one in (timed, doubted, body())]
    assert [(one.waits, one.doubted) for one in found] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    assert found[0].began == 1_796_007_600, "a ReplicaSet that is newer begins it"
    with pytest.raises(UnavailableError, match="no ReplicaSet yet"):
        state_of(body(), [], [])
    run = owned("2026-11-30T03:00:00Z", "Running")
    assert state_of(body(), [run], [run]).analyses == {"one": "Running"}


flags = st.booleans()
states = st.builds(
    replace, st.just(STATE), aborted=flags, promoted=flags, held=flags, waits=flags, doubted=flags
)


@given(st.sampled_from(Verdict), st.sampled_from(Act), states)
def test_what_is_done_fits_the_verdict(verdict: Verdict, act: Act, now: RolloutState) -> None:
    done = decide(verdict, act, now)
    promotes = done in (Change.PROMOTE, Change.PROMOTE_FULL)
    assert verdict is Verdict.PASSED or not promotes
    assert verdict is Verdict.FAILED or done not in (Change.ABORT, Change.PAUSE)
    if now.aborted or now.promoted:
        assert not isinstance(done, Change)
    if promotes:
        assert act in (Act.PROMOTE, Act.PROMOTE_FULL)
        assert not now.held
        assert not now.doubted


@pytest.mark.parametrize(
    ("verdict", "act", "patch"),
    [
        (Verdict.PASSED, Act.PROMOTE, (True, {"status": {"pauseConditions": None}})),
        (Verdict.PASSED, Act.PROMOTE_FULL, (True, {"status": {"promoteFull": True}})),
        (Verdict.FAILED, Act.PROMOTE, (True, {"status": {"abort": True}})),
        (Verdict.FAILED, Act.PAUSE, (False, {"spec": {"paused": True}})),
        (Verdict.PASSED, Act.ABORT, None),
        (Verdict.INCONCLUSIVE, Act.PROMOTE, None),
    ],
)
def test_a_verdict_sets_one_field(verdict: Verdict, act: Act, patch: Any) -> None:
    all_, cluster = rollouts(body())
    done = carry_out(all_, "n", "r", judged_of(all_.state("n", "r"), verdict), act)
    assert cluster.patches == ([patch] if patch else [])
    assert done.text.startswith("nothing: ") == (patch is None)
    assert not done.other


def test_a_newer_version_is_never_acted_on() -> None:
    all_, cluster = rollouts(body())
    judged = all_.state("n", "r")
    cluster.body = body(currentPodHash="newer")
    done = carry_out(all_, "n", "r", judged_of(judged, Verdict.FAILED), Act.ABORT)
    assert done.other
    assert "its canary is newer and stable old by now" in done.text

    # It comes between the last look at the rollout and the change.
    cluster.body = body()

    def comes() -> None:
        cluster.body = body(currentPodHash="newer")
        cluster.body["metadata"]["resourceVersion"] = "8"

    cluster.before = [comes]
    assert carry_out(all_, "n", "r", judged_of(judged, Verdict.PASSED), Act.PROMOTE_FULL).other
    assert cluster.patches == []

    # What its controller writes meanwhile is no reason to give up.
    def written() -> None:
        cluster.body = body()
        cluster.body["metadata"]["resourceVersion"] = "9"

    cluster.body, cluster.before = body(), [written]
    assert not carry_out(all_, "n", "r", judged_of(judged, Verdict.FAILED), Act.ABORT).other
    assert cluster.patches == [(True, {"status": {"abort": True}})]


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ({"currentStepIndex": 3}, "nothing: it is at step 3 by now, and was judged at step 1"),
        (
            {"pauseConditions": [PAUSE | {"startTime": "2026-11-30T02:11:00Z"}]},
            "nothing: it waits at this pause since 2026-11-30T02:11:00Z, and only 2 intervals of",
        ),
        (
            {"pauseConditions": [{"reason": "CanaryPauseStep"}]},
            "nothing: it does not say since when it waits at this pause",
        ),
    ],
)
def test_a_pause_that_nobody_judged_is_not_ended(later: dict[str, Any], words: str) -> None:
    def next_pause() -> dict[str, Any]:
        found = body(**later)
        found["spec"]["strategy"]["canary"]["steps"] += [{"pause": {}}]
        found["metadata"]["resourceVersion"] = "8"
        return found

    # A person promoted it just before: the API server refuses the change, and it is read again.
    all_, cluster = rollouts(body())
    judged = judged_of(all_.state("n", "r"), Verdict.PASSED)

    def comes() -> None:
        cluster.body = next_pause()

    cluster.before = [comes]
    done = carry_out(all_, "n", "r", judged, Act.PROMOTE)
    assert words in done.text
    assert done.other == ("currentStepIndex" in later)
    assert cluster.patches == []

    # The step is no matter to who skips them all.
    assert carry_out(all_, "n", "r", judged, Act.PROMOTE_FULL).text == Change.PROMOTE_FULL


def test_to_promote_twice_does_not_end_the_next_pause() -> None:
    all_, cluster = rollouts(body())
    first = judged_of(all_.state("n", "r"), Verdict.PASSED)
    assert carry_out(all_, "n", "r", first, Act.PROMOTE).text == Change.PROMOTE

    began = PAUSE | {"startTime": "2026-11-30T02:13:30Z"}
    cluster.body = body(currentStepIndex=3, pauseConditions=[began])
    cluster.body["spec"]["strategy"]["canary"]["steps"] += [{"pause": {}}]
    again = judged_of(all_.state("n", "r"), Verdict.PASSED, WAITS_AT + 240)
    told = carry_out(all_, "n", "r", again, Act.PROMOTE)
    assert "since 2026-11-30T02:13:30Z, and only 0 intervals of it were looked at" in told.text
    assert len(cluster.patches) == 1
    later = judged_of(all_.state("n", "r"), Verdict.PASSED, WAITS_AT + 210 + 180)
    assert carry_out(all_, "n", "r", later, Act.PROMOTE).text == Change.PROMOTE


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED])
@pytest.mark.parametrize("act", [Act.PROMOTE, Act.PROMOTE_FULL])
def test_another_attempt_is_not_the_one_that_was_judged(verdict: Verdict, act: Act) -> None:
    all_, cluster = rollouts(body())
    judged = judged_of(all_.state("n", "r"), verdict)
    cluster.body = body(duration={"rolloutStartedAt": "2026-11-30T02:09:00Z"})
    done = carry_out(all_, "n", "r", judged, act)
    assert done.other
    assert "its canary is tried again since 2026-11-30T02:09:00Z, and the attempt of" in done.text
    assert cluster.patches == []


def at_experiment(*references: str) -> dict[str, Any]:
    """A Rollout whose step is an experiment with templates `t0`, `t1`, … of these versions."""
    found = body(canary={"currentExperiment": "e"}, pauseConditions=[])
    templates = [{"name": f"t{n}", "specRef": one} for n, one in enumerate(references)]
    found["spec"]["strategy"]["canary"]["steps"][1] = {"experiment": {"templates": templates}}
    return found


def beside(cluster: Cluster, *hashes: str, available: str | None = "2026-11-30T02:30:00Z") -> None:
    """The experiment, and a ReplicaSet with this hash for each template."""
    metadata = {"name": "e", "namespace": "n", "uid": "x", "ownerReferences": [{"uid": "u"}]}
    cluster.experiment = {"metadata": metadata, "status": {"availableAt": available}}
    for number, one in enumerate(hashes):
        names = {
            "ownerReferences": [{"uid": "x"}],
            "annotations": {"experiment.argoproj.io/template-name": f"t{number}"},
            "labels": {"rollouts-pod-template-hash": one},
        }
        cluster.sets.append({"metadata": names})


def test_an_experiment_says_which_pods_are_compared() -> None:
    all_, cluster = rollouts(at_experiment("stable", "canary"))
    beside(cluster, "base", "try")
    state = all_.state("n", "r")
    assert (state.canary, state.stable, state.arms) == ("new", "old", ("try", "base"))
    assert (state.experiment, state.began) == ("e", 1_796_005_800)
    # Without pods of its own the rollout's canary is compared with it.
    all_, cluster = rollouts(at_experiment("stable"))
    beside(cluster, "base")
    assert all_.state("n", "r").arms == ("new", "base")
    # At any other step it is the rollout's own pods.
    assert rollouts(body(canary={"currentExperiment": "e"}))[0].state("n", "r").arms is None


@pytest.mark.parametrize(
    ("references", "hashes", "error", "words"),
    [
        (("stable", "stable"), ("a", "b"), UsageError, "0 templates of the canary and 2 of stable"),
        (("canary",), ("a",), UsageError, "1 templates of the canary and 0 of stable"),
        (("stable",), ("old",), UsageError, "give its template a label of its own"),
        (("stable",), (), UnavailableError, "not all there yet"),
    ],
)
def test_an_experiment_that_cannot_be_told_is_no_comparison(
    references: tuple[str, ...], hashes: tuple[str, ...], error: type[LockproofError], words: str
) -> None:
    all_, cluster = rollouts(at_experiment(*references))
    beside(cluster, *hashes)
    with pytest.raises(error, match=words):
        all_.state("n", "r")


def test_an_experiment_that_is_not_there_yet_is_waited_for() -> None:
    all_, cluster = rollouts(at_experiment("stable"))
    with pytest.raises(UnavailableError, match="its experiment e is not there: look again"):
        all_.state("n", "r")
    beside(cluster, "a", available=None)
    with pytest.raises(UnavailableError, match="not all there yet"):
        all_.state("n", "r")
    beside(cluster, "a")
    cluster.experiment["metadata"]["ownerReferences"] = [{"uid": "of another"}]
    with pytest.raises(UnavailableError, match="its experiment e is not there"):
        all_.state("n", "r")


def test_what_an_experiment_showed_promotes_nothing_after_it() -> None:
    all_, cluster = rollouts(at_experiment("stable", "canary"))
    beside(cluster, "base", "try")
    judged = judged_of(all_.state("n", "r"), Verdict.PASSED)
    cluster.body = body()
    done = carry_out(all_, "n", "r", judged, Act.PROMOTE_FULL)
    assert done.other
    assert done.text == "nothing: its experiment is none by now, and with e it was judged"
    assert cluster.patches == []


def test_hashes_go_where_the_file_says() -> None:
    spec = read_canary_checks(DEFAULT.read_bytes(), "c").spec
    arms = with_hashes(spec, ("a1", "b2"), "c").arms
    assert arms.canary == 'namespace="serving",rollouts_pod_template_hash="a1"'
    assert arms.stable == 'namespace="serving",rollouts_pod_template_hash="b2"'
    for hashes, words in (
        (None, "nothing says what $hash stands for"),
        (("a1", 'b"'), "is no pod-template hash"),
        (("a1", "a1"), "there is no canary going on"),
    ):
        with pytest.raises(ConfigError) as told:
            with_hashes(spec, hashes, "c")
        assert words in str(told.value)
    fixed = read_canary_checks(GOOD.encode(), "c").spec
    assert with_hashes(fixed, None, "c") == fixed
    with pytest.raises(ConfigError, match=r"spec\.arms\.canary has no \$hash"):
        with_hashes(fixed, ("a1", "b2"), "c")
