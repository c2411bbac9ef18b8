"""Rules in CEL: what is said of them here, and what a real API server says."""

from collections.abc import Iterator

import pytest

from cluster.lab import Lab, running
from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.rules.manifests.cel_library import holds_by_library
from lockproof.rules.manifests.schema import validate
from lockproof.steps.lint.schema_locations import CustomSchemas
from manifests.cel_rules import ODD, RULES, definition, odd_definition, values

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("cel_expr_python", reason="the extra cel is not installed")
    with running(tmp_path_factory.mktemp("cel-lab"), controllers=False) as lab:
        lab.install([definition(), odd_definition()])
        yield lab


def test_a_rule_says_what_the_server_says(server: Lab) -> None:
    schema = CustomSchemas([definition()], BundledSchemas("1.34").metadata).find(
        "cel.example.org", "v1", "Ruling"
    )
    assert schema is not None
    table, spec = schema.table.find(schema.kind.root)
    table, spec = table.find(spec["properties"]["spec"])
    wrong, told, library = [], 0, 0
    for number, rule in enumerate(RULES):
        name = f"r{number}"
        inner, node = table.find(spec["properties"][name])
        for value in values(40):
            body = {
                "apiVersion": "cel.example.org/v1",
                "kind": "Ruling",
                "metadata": {"name": "a"},
                "spec": {name: value},
            }
            path = "/apis/cel.example.org/v1/rulings?dryRun=All&fieldValidation=Strict"
            code, answer = server.api.call("POST", path, body)
            assert code in (201, 422), answer
            ours = validate(body, schema)
            said = [problem.text for problem in ours.problems]
            if not ours.not_checked:
                told += 1
                if bool(said) is not (code == 422):
                    wrong.append(f"{rule} of {value}: {said}, server: {answer}")
                if said:
                    assert said == [f"breaks the rule {rule}: rule {number} is broken"]
            alone = holds_by_library(rule, value, inner, node)
            library += alone is not None
            if alone is not None and alone is not (code == 201):
                wrong.append(f"{rule} of {value}: library {alone}, server: {answer}")
    assert not wrong, "\n".join(wrong[:20])
    every = len(RULES) * 40
    # Not told: functions of Kubernetes' own, lists that are sets, errors, and odd texts.
    assert (told / every, library / every) > (0.6, 0.6)


def test_where_kubernetes_has_ideas_of_its_own_nothing_else_is_said(server: Lab) -> None:
    schema = CustomSchemas([odd_definition()], BundledSchemas("1.34").metadata).find(
        "cel.example.org", "v1", "Oddity"
    )
    assert schema is not None
    wrong, told = [], 0
    for number, (_, rule, value) in enumerate(ODD):
        body = {
            "apiVersion": "cel.example.org/v1",
            "kind": "Oddity",
            "metadata": {"name": "a"},
            "spec": {f"r{number}": value},
        }
        path = "/apis/cel.example.org/v1/oddities?dryRun=All&fieldValidation=Strict"
        code, answer = server.api.call("POST", path, body)
        assert code in (201, 422), answer
        ours = validate(body, schema)
        told += not ours.not_checked
        if not ours.not_checked and bool(ours.problems) is not (code == 422):
            wrong.append(f"{number} {rule} of {value}: {ours.problems}, server: {answer}")
    assert not wrong, "\n".join(wrong)
    assert told > 9
