"""What is in a tree and was passed over once: objects in odd files, and secrets in what is none."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.model.verdict import Verdict
from lockproof.parse.object_words import may_hold_object
from lockproof.rules.manifests.encrypted import left_clear
from lockproof.steps.lint import Linted, lint_tree
from unit.lint.trees import linted

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2hunter2}\n"
)
IN_JSON = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s"},
    "stringData": {"password": "hunter2hunter2"},
}
ESCAPED = SECRET.replace("apiVersion", '"\\u0061piVersion"').replace("kind", '"\\x6bind"')
AWS = "AKIAIOSFODNN7EXAMPLE"
VALUE = "ENC[AES256_GCM,data:mHeX,iv:vU=,tag:I=,type:str]"
SOPS = f"sops:\n    mac: {VALUE}\n    version: 3.9.0\n"
ONLY_DATA = f"{SOPS}    encrypted_regex: ^(data|stringData)$\n"


def said(result: Linted, rule: str = "LP625") -> list[tuple[str | None, int | None]]:
    return [(one.path, one.line) for one in result.findings if one.rule == rule]


def test_a_list_in_a_list_is_taken_apart(tmp_path: Path) -> None:
    """As kustomize does, and so Flux."""
    inner = {"apiVersion": "v1", "kind": "List", "items": [IN_JSON]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner]}
    result = linted(tmp_path, {"a.yaml": MAP, "b.yaml": json.dumps(outer, indent=1)})
    assert [path for path, _ in said(result)] == ["b.yaml"]


@pytest.mark.parametrize(
    "name", ["PGPASSWORD", "REDISCLI_AUTH", "SSHPASS", "DATABASE", "proxy_url", "PGPASSFILE"]
)
def test_a_password_by_the_name_that_its_program_reads(name: str, tmp_path: Path) -> None:
    """Or in an address, with a colon in it, as everything after the first one is."""
    is_address = name in ("DATABASE", "proxy_url")
    value = "postgres://bob:hunter2:hunter2@db/x" if is_address else "/hunter2"
    container = f"{{name: c, image: x, env: [{{name: {name}, value: '{value}'}}]}}"
    head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
    result = linted(tmp_path, {"a.yaml": f"{head}  - {container}\n"})
    assert bool(said(result)) is (name != "PGPASSFILE")


def told(result: Linted) -> str:
    return "\n".join(line for check in result.checks for line in check.not_checked)


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: hunter2}}",
        json.dumps(IN_JSON).replace("apiVersion", "\\u0061piVersion").replace("kind", "\\u006bind"),
        ESCAPED,
        SECRET.replace("kind:", '? "ki\\\n  nd"\n:'),
    ],
    ids=["yaml", "flow", "escaped json", "escaped yaml", "folded"],
)
def test_an_object_in_a_file_named_json_is_read_as_kubectl_reads_it(
    text: str, tmp_path: Path
) -> None:
    result = linted(tmp_path, {"a.yaml": MAP, "b.json": text})
    assert [path for path, _ in said(result)] == ["b.json"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", ESCAPED.replace("{name: s}", "{name: s, annotations: {a: !foo bar}}")),
        ("a.yaml", "!!binary YXBpVmVyc2lvbg==: v1\n!!binary a2luZA==: Secret\n"),
        ("templates/a.yaml", f"{ESCAPED}x: [\n"),
        ("templates/a.yaml", ESCAPED.replace("hunter2}", "hunter2, password: a}")),
    ],
    ids=["tag", "binary", "broken", "twice"],
)
def test_a_file_that_may_hold_an_object_and_cannot_be_read_is_told_of(
    name: str, text: str, tmp_path: Path
) -> None:
    result = linted(tmp_path, {"b.yaml": MAP, name: text})
    assert [path for path, _ in said(result, "LP601")] == [name]


def test_an_object_in_utf_16_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(MAP)
    (tmp_path / "a.json").write_bytes(SECRET.encode("utf-16"))
    result = lint_tree(FolderTree(tmp_path), parse_policy(""), ["."])
    assert "a.json: may hold an object, and is not UTF-8" in told(result)


@pytest.mark.parametrize(
    "text",
    [
        "site_name: a\nplugins:\n- a: !!python/name:x.y\n",
        "site_name: kinds of apiVersions\nx: !foo a\n",
        "# kind\nx: !foo a\n",
    ],
)
def test_a_file_of_another_tool_with_tags_of_its_own_is_nobodys(text: str, tmp_path: Path) -> None:
    result = linted(tmp_path, {"b.yaml": MAP, "mkdocs.yml": text})
    assert not result.findings
    assert not told(result)


def test_json_that_cannot_be_read_is_told_of_and_has_no_say(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "out.json").write_text(json.dumps(IN_JSON))
    (tree / "link.json").symlink_to("../out.json")
    with (tree / "large.json").open("wb") as file:
        file.write(json.dumps(IN_JSON).encode())
        file.truncate(17 << 20)
    (tree / "b.yaml").write_text(MAP)
    result = lint_tree(FolderTree(tree), parse_policy(""), ["."])
    for name in ("link", "large"):
        assert f"{name}.json: cannot be read as a file of this repository" in told(result)
    assert all(one.verdict is Verdict.PASSED for one in result.checks)


def test_a_secret_in_json_that_lacks_what_makes_an_object_is_in_git(tmp_path: Path) -> None:
    bare = {key: value for key, value in IN_JSON.items() if key != "metadata"}
    result = linted(tmp_path, {"b.yaml": MAP, "a.json": json.dumps(bare)})
    assert [(one.rule, one.path) for one in result.findings] == [("LP625", "a.json")]


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.data())
def test_words_are_seen_however_they_are_escaped(noise: str, data: st.DataObject) -> None:
    def written(word: str) -> str:
        made = ""
        for sign in word:
            form = data.draw(
                st.sampled_from(["{}", "\\x{:02x}", "\\u{:04X}", "\\U{:08x}", "\\\n {}"])
            )
            made += form.format(sign if "{}" in form else ord(sign))
        return f'"{made}"'

    text = f"{written('apiVersion')}: v1\n# {noise}\n{written('kind')}: Secret\n"
    assert may_hold_object(text.encode())
    assert may_hold_object(text.encode("utf-16"))


def test_the_further_documents_of_a_kustomization_are_manifests(tmp_path: Path) -> None:
    files = {"kustomization.yaml": f"resources: [b.yaml]\n---\n{SECRET}", "b.yaml": MAP}
    result = linted(tmp_path, files)
    assert said(result) == [("kustomization.yaml", 6)]
    (check,) = [one for one in result.checks if one.name == "schema"]
    assert check.checked == 2
    only = linted(
        tmp_path / "one", {"kustomization.yaml": "---\nresources: [b.yaml]\n---\n", "b.yaml": MAP}
    )
    assert not only.findings


def held(name: str, text: str) -> dict[str, str]:
    """As a generator takes a file in."""
    return {
        "a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n"
        f"  {name}: {b64encode(text.encode()).decode()}\n"
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yaml", f"password: hunter2 #{VALUE}\nb: {VALUE}\n{SOPS}"),
        ("f.yaml", f"password: hunter2 # {VALUE}\nb: {VALUE}\n{SOPS}"),
        ("f.yaml", f"password: hunter2 = {VALUE}\nb: {VALUE}\n{SOPS}"),
        ("f.yaml", f"password: hunter2 - {VALUE}\nb: {VALUE}\n{SOPS}"),
        ("f.yaml", f"hunter2 - {VALUE}\nb: {VALUE}\n{SOPS}"),
        ("f.yaml", f"- hunter2 #k: {VALUE}\n{SOPS}"),
        ("f.yaml", f"password: {VALUE} # hunter2\n{SOPS}"),
        ("f.yaml", f"x: {VALUE}\n{SOPS}--- hunter2\nx: {VALUE}\n{SOPS}"),
        ("f.yaml", f"password: {VALUE} #{VALUE} hunter2\n{SOPS}"),
        ("f.env", f"PASSWORD=hunter2={VALUE}\nsops_mac={VALUE}\nsops_version=3\n"),
        ("f.env", f"A={VALUE}\nsops_mac={VALUE}\nsops_age__list_0__map_password=hunter2\n"),
        ("f.env", f"A={VALUE}\nsops_mac=hunter2\n"),
        ("f.yaml", f"a: |\n  encrypted_regex: x\npass: hunter2\nx: {VALUE}\n{SOPS}"),
        ("f.yaml", f"encrypted_regex: {VALUE}\npass: hunter2\nx: {VALUE}\n{SOPS}"),
        ("f.yaml", f"host: hunter2\nx: {VALUE}\n{SOPS}---\nx: {VALUE}\n{ONLY_DATA}"),
        ("f.yaml", f"x: {VALUE}\n{SOPS}    password: hunter2\n"),
        (
            "f.yaml",
            f"x: {VALUE}\n{SOPS}    age:\n        - recipient: age1x\n          k: hunter2\n",
        ),
        ("f.yaml", f"x: {VALUE}\n{SOPS}    age: [hunter2]\n"),
        ("f.yaml", f"x: {VALUE}\n{ONLY_DATA}config:\n    pass: hunter2\n"),
        ("f.ini", f"[a]\nb = {VALUE}\n[sops]\nmac = {VALUE}\npassword = hunter2\n"),
        ("f.yaml", f"password_unencrypted: hunter2\nx: {VALUE}\n{SOPS}"),
        ("f.ini", f'[a]\nb = {VALUE}\n[sops]\nmac = {VALUE}\nversion = """3"""\nk = hunter2\n'),
        ("f.json", f'{{"a": "hunter2", "a": "{VALUE}", "sops": {{"mac": "{VALUE}"}}}}'),
        ("f.json", f'{{"a": "{VALUE}", "sops": {{"mac": "{VALUE}", "password": "hunter2"}}}}'),
        (
            "f.json",
            f'{{"a": "{VALUE}", "sops": {{"mac": "{VALUE}", "age": [{{"x": "hunter2"}}]}}}}',
        ),
        ("f.json", f'{{"a": "{VALUE}", "sops": {{"mac": "hunter2"}}}}'),
    ],
)
def test_what_stands_in_clear_in_an_encrypted_file_is_in_git(
    name: str, text: str, tmp_path: Path
) -> None:
    assert said(linted(tmp_path, held(name, text))) == [("a.yaml", 5)]


AGE = (
    "    age:\n        - recipient: age1x\n          enc: |\n"
    "            -----BEGIN AGE ENCRYPTED FILE-----\n            YWdl/+=\n"
    "            -----END AGE ENCRYPTED FILE-----\n"
)
PGP = (
    "    pgp:\n        - created_at: '2026-11-30T00:00:00Z'\n          enc: |-\n"
    "            -----BEGIN PGP MESSAGE-----\n\n            hQ+/=\n            =x+Q1\n"
    "            -----END PGP MESSAGE-----\n          fp: 0123ABCD\n"
)
KMS = (
    "    kms:\n        - arn: arn:aws:kms:x:1:key/a\n          context:\n            Team: a\n"
    "          created_at: '2026-11-30T00:00:00Z'\n          enc: AQICA/+=\n"
    "          aws_profile: ''\n"
    "    gcp_kms: []\n    azure_kv: []\n"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yaml", f"a: {VALUE}\n{SOPS}{AGE}{PGP}{KMS}"),
        ("f.yaml", f"#{VALUE}\na: {VALUE} #{VALUE}\n'b c': \"{VALUE}\"\n- - k: {VALUE}\n{SOPS}"),
        ("f.yaml", f"a:b: {VALUE}\nl:\n    - {VALUE}\n{SOPS}"),
        (
            "f.env",
            f"#{VALUE}\nA={VALUE}\nsops_mac={VALUE}\nsops_version=3.9.0\n"
            "sops_age__list_0__map_enc=-----BEGIN\\nx\nsops_age__list_0__map_recipient=age1x\n"
            "sops_lastmodified=2026-11-30T00:00:00Z\nsops_unencrypted_suffix=_unencrypted\n",
        ),
        (
            "f.ini",
            f"; {VALUE}\n[a]\nb = {VALUE}\nc={VALUE}\n\n[sops]\nmac = {VALUE}\n"
            "age__list_0__map_enc = x\nversion = 3.9.0\n",
        ),
        (
            "f.json",
            json.dumps(
                {
                    "a": VALUE,
                    "b": None,
                    "sops": {
                        "mac": VALUE,
                        "age": [{"recipient": "age1x", "enc": "x"}],
                        "kms": [{"arn": "a", "context": {"Team": "a"}}],
                        "version": "3.9.0",
                    },
                },
                indent=1,
            ),
        ),
        ("f.yaml", f"host: a.example\ntoken: {VALUE}\n{ONLY_DATA}"),
        ("f.yaml", f"host_unencrypted: a.example\nl_unencrypted:\n- b\ntoken: {VALUE}\n{SOPS}"),
        (
            "f.ini",
            f"[a]\nb = {VALUE}\n\n[sops]\nmac  = {VALUE}\npgp__list_0__map_enc = "
            '"""-----BEGIN PGP MESSAGE-----\n\nwcBM/+\n=j3Rn\n-----END PGP MESSAGE-----"""\n'
            "pgp__list_0__map_fp = FBC7\n",
        ),
    ],
)
def test_a_file_as_sops_writes_it_has_nothing_in_clear(
    name: str, text: str, tmp_path: Path
) -> None:
    assert not said(linted(tmp_path, held(name, text)))


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1))
@example(":")
@example("=")
def test_no_text_beside_a_value_counts_as_encrypted(text: str) -> None:
    for line in (f"k: {text} {VALUE}", f"k: {VALUE} {text}", f"k: {text}"):
        if text.strip("\"', ") not in (
            "",
            "-",
            "#",
            ";",
            "null",
            "~",
            "[]",
            "{}",
            "[",
            "]",
            "{",
            "}",
        ):
            assert left_clear(f"{line}\n{SOPS}") != []


def in_map(value: str, key: str = "password") -> dict[str, str]:
    return {"a.yaml": f"{MAP}data: {{{key}: {json.dumps(value)}}}\n"}


@pytest.mark.parametrize(
    ("value", "given_away"),
    [
        ("hunter2", True),
        ("P@$$w0rd", True),
        ("hunter$2", True),
        ("x${A:=hunter2}", True),
        ("hunter2$(X)", True),
        ("12345678", True),
        ("hunter2\nhunter3", True),
        ("${A}", False),
        ("$(A)", False),
        ("${A}:${B}", False),
        ("Bearer ${A}", False),
        ("${env:DB_PASSWORD}", False),
        ("$__file{/run/secrets/a}", False),
        ("op://vault/item/field", False),
        (VALUE, False),
        ("true", False),
        ("1", False),
        ("", False),
        ("#!/bin/sh\npwgen 16\n", False),
    ],
)
def test_a_setting_with_the_name_of_a_password_is_one_whatever_its_signs(
    value: str, given_away: bool, tmp_path: Path
) -> None:
    assert bool(said(linted(tmp_path, in_map(value)))) is given_away


@pytest.mark.parametrize(
    ("key", "given_away"),
    [
        ("spring.datasource.password", True),
        ("db_pass", True),
        ("SMTP-PWD", True),
        ("passphrase", True),
        ("proxy_pass", False),
        ("pwd", False),
        ("compass", False),
        ("password-min-length", False),
        ("token_days", False),
    ],
)
def test_which_names_are_those_of_passwords(key: str, given_away: bool, tmp_path: Path) -> None:
    assert bool(said(linted(tmp_path, in_map("86400", key)))) is given_away


@pytest.mark.parametrize(
    ("value", "given_away"),
    [
        ("hunter2$(X)", True),
        ("$(X)", False),
        ("Bearer $(X)", False),
        ("$(hunter2)", True),
        ("$$(X)", True),
        ("yes", False),
    ],
)
def test_a_variable_of_a_container_is_a_reference_where_the_container_has_it(
    value: str, given_away: bool, tmp_path: Path
) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        "  - name: a\n    image: a\n    env:\n    - {name: X, value: y}\n"
        f"    - {{name: PASSWORD, value: {json.dumps(value)}}}\n"
    )
    assert bool(said(linted(tmp_path / "a", {"a.yaml": pod}))) is given_away
    more = f"{pod}    envFrom: [{{secretRef: {{name: s}}}}]\n"
    perhaps = given_away and value != "$(hunter2)"
    assert bool(said(linted(tmp_path / "b", {"a.yaml": more}))) is perhaps


@pytest.mark.parametrize(
    ("text", "given_away"),
    [
        ("a://b:" + "{" * 400_000 + "@", True),
        ("a://" * 100_000 + ":@", True),
        ("$(" * 200_000, True),
        (f"k: {VALUE}" + " " * 400_000 + f"\n{SOPS}", False),
        (f"k: {VALUE}\n{SOPS}" + "-" * 400_000, True),
    ],
    ids=["braces", "addresses", "variables", "blanks", "dashes"],
)
def test_long_texts_take_no_long_time(text: str, given_away: bool, tmp_path: Path) -> None:
    assert bool(said(linted(tmp_path, in_map(text)))) is given_away
    assert not may_hold_object(b"!" * 400_000 + b"\\" * 400_000)


def test_what_a_config_map_has_in_base64_is_read(tmp_path: Path) -> None:
    key = b64encode(b"-----BEGIN PRIVATE KEY-----\nabc\n").decode()
    password = b64encode(b"hunter2").decode()
    text = f"{MAP}binaryData:\n  key: {key}\n  password: {password}\n  a: {password}\n  b: '%'\n"
    assert said(linted(tmp_path, {"a.yaml": text})) == [("a.yaml", 5), ("a.yaml", 6)]


@pytest.mark.parametrize(
    ("address", "given_away"),
    [
        ("postgres://u:pa$$w0rd@h/db", True),
        ("redis://:hunter2@h", True),
        ("postgres://u:$(PASSWORD)@h/db", False),
        ("postgres://$USER:$PASSWORD@h/db", False),
        ("postgres://u:${PASSWORD}@h/db", False),
        ("postgres://u:{{password}}@h/db", False),
        ("docker://alpine:3.20@sha256:0a", False),
        ('{"url":"http://example.com","mail":"bob@example.com"}', False),
        ("{url:http://db.acme.io,mail:bob@acme.io}", False),
        ("postgres://%s:%s@%s/%s", False),
        ("http://<username>:<password>@<host>", False),
        ("redis://[:password@]host[:port]", False),
        ("# Example: mysql://user:secret@host:port/database", False),
        ("http://user:pass@proxy.example.com:3128", False),
        ("redis://:password@hostname:port/db_number", False),
        ("url = postgres://grafana:your_password@db/x, https://u:REDACTED@h", False),
        ("postgres://user:password@db/x", True),
        ("postgres://user:hunter2@host/x", True),
        ("postgres://user:password@host.acme.io/x", True),
        ("postgres://user:xenon@db/x", True),
        ("http://h:8080/a@b", False),
    ],
)
def test_a_password_in_an_address_is_one_whatever_its_signs(
    address: str, given_away: bool, tmp_path: Path
) -> None:
    assert bool(said(linted(tmp_path, in_map(address, "dsn")))) is given_away


PART = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    spec:\n"
    "      containers:\n      - name: a\n        image: a\n        env:\n"
    f"        - {{name: PASSWORD, value: hunter2}}\n        - {{name: AWS, value: {AWS}}}\n"
)
WHOLE = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: d}\nspec:\n"
    "  project: default\n  destination: {namespace: a, server: 'https://kubernetes.default.svc'}\n"
    "  source: {repoURL: 'https://example.org/c', chart: c, targetRevision: 1.2.3, helm: "
    "{valuesObject: {'$patch': a, '$patchy': 1}}}\n"
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (PART, [11, 12]),
        (f"{SECRET}$patch: merge\n", [4]),
        (f"apiVersion: a.example/v1\nkind: Foo\nmetadata: {{name: {AWS}}}\n", [3]),
    ],
    ids=["part", "directive", "unknown"],
)
def test_a_patch_out_of_use_keeps_no_secret(text: str, lines: list[int], tmp_path: Path) -> None:
    kustomization = "resources: [b.yaml]\npatches:\n#- path: p.yaml\n"
    files = {"kustomization.yaml": kustomization, "b.yaml": MAP, "p.yaml": text}
    result = linted(tmp_path, files)
    assert said(result) == [("p.yaml", line) for line in lines]
    assert not [one for one in result.findings if one.path == "p.yaml" and one.rule != "LP625"]
    assert "p.yaml: is a part of an object" in told(result)


def test_a_word_of_patches_in_a_free_field_makes_no_patch(tmp_path: Path) -> None:
    kustomization = "resources: [b.yaml]\npatches:\n#- path: p.yaml\n"
    files = {"kustomization.yaml": kustomization, "b.yaml": MAP, "p.yaml": WHOLE}
    result = linted(tmp_path, files)
    assert "is a part" not in told(result)
    (check,) = [one for one in result.checks if one.name == "schema"]
    assert check.checked == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a",
            "apiVersion: meta.pkg.crossplane.io/v1\nkind: Configuration\n"
            f"metadata: {{name: a, annotations: {{b: {AWS}}}}}\n",
        ),
        (
            "a",
            "apiVersion: lockproof.dev/v1\nkind: CanaryChecks\n"
            "prometheus: 'http://u:hunter2@h:9090'\n",
        ),
        ("kustomization", "resources: ['https://u:hunter2@example.org/a?ref=v1']\n"),
    ],
    ids=["package", "checks", "kustomization"],
)
def test_what_no_cluster_gets_keeps_no_secret(name: str, text: str, tmp_path: Path) -> None:
    result = linted(tmp_path, {f"{name}.yaml": text})
    assert f"{name}.yaml" in [path for path, _ in said(result)]
    assert "policies" in [one.name for one in result.checks]


def test_what_a_generator_or_a_patch_takes_in_is_told_of_once(tmp_path: Path) -> None:
    patch = PART.replace("        image: a\n", "")
    whole = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n"
        "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
        "    spec: {containers: [{name: a, image: a}]}\n"
    )
    files = {
        "kustomization.yaml": "resources: [d.yaml]\npatches: [{path: p.yaml}]\nnamePrefix: x-\n",
        "d.yaml": whole,
        "p.yaml": patch,
    }
    assert said(linted(tmp_path, files)) == [("p.yaml", 10), ("p.yaml", 11)]
    assert all(
        one.verdict is Verdict.PASSED for one in linted(tmp_path, files).checks if one.checked
    )
