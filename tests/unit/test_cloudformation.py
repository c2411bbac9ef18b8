"""What CloudFormation makes on AWS: the roles that the platform needs, and no more rights."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CONTROL = Path(__file__).resolve().parents[2] / "control-plane"
FOLDER = CONTROL / "cluster" / "cloudformation"
TEMPLATES = sorted(FOLDER.glob("*.yaml"))
READS = re.compile(r"\w+:(?:Describe|Get|List)[\w*]*")


def read(name: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return value


def cfn_lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("cfn-lint")
    words = [str(program), "-t", *map(str, paths)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_cloudformation_would_take_the_templates() -> None:
    assert [path.name for path in TEMPLATES] == ["access.yaml", "roles.yaml"]
    done = cfn_lint(*TEMPLATES)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("roles.yaml", "AssumeRolePolicyDocument:", "AssumeRolePolicy:"),
        ("roles.yaml", "[NodeRole, Arn]", "[NodesRole, Arn]"),
        ("access.yaml", "{Type: cluster}", "{Type: clusters}"),
    ],
)
def test_it_is_seen_where_one_would_be_refused(
    name: str, old: str, new: str, tmp_path: Path
) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new))
    assert cfn_lint(path).returncode != 0


def test_every_role_of_the_inputs_is_made_as_the_readme_says() -> None:
    template = read("roles.yaml")
    inputs = yaml.safe_load((CONTROL / "overlays/aws/account/inputs.yaml").read_text("utf-8"))
    roles = [name for name in inputs["data"] if name.startswith("role-")]
    outputs = {f"Role{''.join(map(str.capitalize, name.split('-')[1:]))}" for name in roles}
    assert outputs == template["Outputs"].keys()
    readme = (CONTROL / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(role-[\w-]+)` \| (.+) \|$", readme, re.MULTILINE))
    assert rows.keys() == set(roles)
    for name in roles:
        title = "".join(map(str.capitalize, name.split("-")[1:]))
        assert template["Outputs"][f"Role{title}"]["Value"] == {
            "Fn::GetAtt": [f"{title}Role", "Arn"]
        }
        role = template["Resources"][f"{title}Role"]["Properties"]
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        own = {"role-cluster": "eks.amazonaws.com", "role-node": "ec2.amazonaws.com"}
        service = own.get(name, "pods.eks.amazonaws.com")
        assert trust["Principal"] == {"Service": service}
        if name not in own:
            assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
            assert "aws:SourceAccount" in trust["Condition"]["StringEquals"]
        managed = {text["Fn::Sub"].rpartition("/")[2] for text in role.get("ManagedPolicyArns", ())}
        assert managed == set(re.findall(r"`(Amazon\w+)`", rows[name]))
        actions = {action for one in statements(role) for action in listed(one["Action"])}
        words = set(re.findall(r"`(?:\w+:)?([A-Z]\w+\*?|\*)`", rows[name])) - managed
        assert {action.partition(":")[2] for action in actions} == words, name


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        one for policy in role.get("Policies", ()) for one in policy["PolicyDocument"]["Statement"]
    ]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_nothing_may_change_all_there_is() -> None:
    for name, resource in read("roles.yaml")["Resources"].items():
        for statement in statements(resource["Properties"]):
            if statement["Resource"] == "*" and "Condition" not in statement:
                assert all(READS.fullmatch(action) for action in listed(statement["Action"])), name


def test_what_serves_mlflow_deletes_no_backup() -> None:
    """Nor may it take what keeps a replaced one: versions are deleted by another action."""
    role = read("roles.yaml")["Resources"]["MlflowRole"]["Properties"]
    allowed = {
        (resource["Fn::Sub"].partition("${Bucket}")[2], action)
        for one in statements(role)
        for resource in one["Resource"]
        for action in listed(one["Action"])
    }
    assert {action for where, action in allowed if where == "/backups/*"} == {
        "s3:GetObject",
        "s3:PutObject",
    }
    assert {where for where, action in allowed if "Delete" in action} == {"/mlflow/*"}
