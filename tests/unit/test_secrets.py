"""The secret scanner: what it finds, and that it neither calls out nor believes comments."""

import random
import string
from base64 import b64encode

import pytest

pytest.importorskip("kingfisher_sdk", reason="the extra 'secrets' is not installed")

from lockproof.adapters.secrets import Secret, SecretScanner

_RANDOM = random.Random(4)


def _made(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RANDOM.choice(letters) for _ in range(count))


def _lines(count: int) -> str:
    return "\n".join(_made(64) for _ in range(count))


# Made here, so that no scanner takes this file for a leak.
HEX = "0123456789abcdef"
HUB = f"ghp_{_made(36)}"
LOGIN = b64encode(f"bob:{_made(12)}".encode()).decode()
BEGIN, END = "-----BEGIN {} PRIVATE KEY-----\n", "\n-----END {} PRIVATE KEY-----"
SECRETS = {
    "AWS": (
        f"id: AKIA{_made(16, string.ascii_uppercase + '234567')}, aws_secret_key: {_made(40)}",
        "aws-access-token",
    ),
    "DVC's own configuration": (f"secret_access_key = {_made(40)}", "secret-access-key"),
    "GitHub": (f"token: {HUB}", "github-pat"),
    "GitHub, fine-grained": (f"github_pat_{_made(22)}_{_made(59)}", "github-fine-grained-pat"),
    "GitLab": (f"glpat-{_made(20)}", "gitlab-pat"),
    "Slack": (f"xoxb-123456789012-1234567890123-{_made(24)}", "slack-bot-token"),
    "RSA": (BEGIN.format("RSA") + _lines(12) + END.format("RSA"), "private-key"),
    "OpenSSH": (BEGIN.format("OPENSSH") + _lines(6) + END.format("OPENSSH"), "private-key"),
    "Google, a key in JSON": (
        (BEGIN.format("EC") + _lines(12) + END.format("EC")).replace("\n", "\\n"),
        "private-key",
    ),
    "Google": (f"AIza{_made(35)}", "gcp-api-key"),
    "a password in an address": (
        f"url = https://bob:{_made(12)}@db.acme.io/x",
        "generic-credential-uri",
    ),
    "a password in an address that SQLAlchemy takes": (
        f"uri: postgresql+psycopg2://bob:{_made(12)}@db.acme.io/mlflow",
        "generic-credential-uri",
    ),
    "a password in the address of a remote": (
        f"url = webdavs://bob:{_made(12)}@files.acme.io/dvc",
        "generic-credential-uri",
    ),
    "a password that begins with an escaped @": (
        f"url = https://bob:%40{_made(12)}@db.acme.io/x",
        "generic-credential-uri",
    ),
    "a password with a colon, and no user": (
        f"url = rediss://:{_made(6)}:{_made(6)}@db.acme.io/0",
        "generic-credential-uri",
    ),
    "a password that begins with a dollar": (
        f"url = https://bob:$3{_made(12)}@db.acme.io/x",
        "generic-credential-uri",
    ),
    "AWS, in JSON": (f'"secret_access_key": "{_made(40)}"', "secret-access-key"),
    "AWS, without the id": (f"export AWS_SECRET_ACCESS_KEY={_made(40)}", "secret-access-key"),
    "AWS, as keys of a Secret are called": (f"secret-access-key: {_made(40)}", "secret-access-key"),
    "a password as drivers of Java take it": (
        f"jdbc:postgresql://db.acme.io/x?user=bob&password={_made(12)}",
        "generic-credential-uri",
    ),
    "a password of a service near by that is no default": (
        f"postgres://postgres:{_made(12)}@localhost:5432/x",
        "generic-credential-uri",
    ),
    "a password as the user is called, elsewhere": (
        "postgres://admin:admin@db.acme.io/x",
        "generic-credential-uri",
    ),
    "a login for a registry": (
        f'{{"auths": {{"x.acme.io": {{"auth": "{LOGIN}"}}}}}}',
        "docker-login",
    ),
    "curl's and DVC's file of logins": (
        f"machine files.acme.io login bob password {_made(12)}",
        "netrc-password",
    ),
    "Hugging Face": (f"hf_{_made(34, string.ascii_letters)}", "huggingface-access-token"),
    "Weights & Biases": (f"WANDB_API_KEY={_made(40, HEX)}", "weights-and-biases-api-key"),
    "PyPI": (f"pypi-AgEIcHlwaS5vcmc{_made(80)}", "pypi-upload-token"),
    "Databricks": (f"dapi{_made(32, HEX)}", "databricks-api-token"),
    "beside a comment": (
        f"key = {HUB}  # pragma: allowlist secret, kingfisher:ignore",
        "github-pat",
    ),
    "in binary content": (f"\0\0{HUB}\0", "github-pat"),
}


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> SecretScanner:
    """One scanner for all."""
    return SecretScanner.open()


@pytest.mark.parametrize("name", SECRETS)
def test_it_finds(scanner: SecretScanner, name: str) -> None:
    text, kind = SECRETS[name]
    found = scanner.scan(f"first line\n{text}\nlast line\n".encode())
    assert [(secret.kind, secret.line) for secret in found] == [(kind, 2)]


@pytest.mark.parametrize(
    "option",
    [
        "password",
        "passphrase",
        "token",
        "session_token",
        "sas_token",
        "account_key",
        "connection_string",
        "client_secret",
        "sse_customer_key",
        "oss_key_secret",
        "gdrive_client_secret",
    ],
)
def test_it_finds_what_a_remote_of_dvc_keeps_secret(scanner: SecretScanner, option: str) -> None:
    head = "['remote \"store\"']\n    url = webdavs://files.acme.io/dvc\n    ask_password = true\n"
    found = scanner.scan(f"{head}    {option} = {_made(24)}\n".encode())
    assert [(secret.kind, secret.line) for secret in found] == [(option.replace("_", "-"), 4)]
    assert scanner.scan(f"{head}    {option} = ${{SECRET}}\n".encode()) == []
    assert scanner.scan(f"{head}    {option} = mypassword\n".encode()) == []


@pytest.mark.parametrize(
    "head",
    ["['Remote \"x\"']", "['remote\"x\"']", "['db \"x\"']", "[studio]", '["""remote "x" """]'],
)
def test_a_section_is_found_as_dvc_reads_it(scanner: SecretScanner, head: str) -> None:
    for name, kind in (("token", "token"), ("PassWord", "password")):
        found = scanner.scan(f"{head}\n{name} = {_made(24)}\n".encode())
        assert [(secret.kind, secret.line) for secret in found] == [(kind, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "md5: a06bc138499c587c761e05fffcd32622",
        "uses: aws-actions/configure-aws-credentials@" + "8df5847569e6427dd6c4fb1cf565c83acfa8afa7",
        '"integrity": "sha512-' + "a/B" * 28 + 'aa=="',
        "numpy==2.0.0 --hash=sha256:" + "04b5bd" * 10 + "abcd",
        "https://user:${PASSWORD}@db.acme.io and https://user:<password>@db.acme.io",
        "https://bob:password@db.acme.io, git@github.com:a/b.git, ssh://git@db.acme.io:22/x",
        "postgresql+psycopg2://user:%(password)s@db.acme.io and mysql+pymysql://u:%s@db.acme.io",
        "webdavs://user:$PASSWORD@db.acme.io and sftp://user:***@db.acme.io, s3://a:9000/b@c",
        "AKIAIOSFODNN7EXAMPLE, AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        '{"url":"https://db.acme.io","mail":"bob7x@acme.io"}',
        "https://db.acme.io,12:30,bob7x@acme.io\nhttp://db.acme.io,call:me,bob7x@acme.io",
        "postgresql://postgres:postgres@localhost:5432/test, amqp://guest:guest@rabbit:5672//",
        "http://minioadmin:minioadmin@127.0.0.1:9000, mongodb://root:root@[::1]:1/x",
        "mongodb://myuser:mypassword@localhost, redis://:changeme@h, https://u:REDACTED@db.acme.io",
        "fmt.Sprintf(\"postgres://%s:%v@%s\"), re.sub(r'://(.*):(.*)@', '')",
        "machine db.acme.io login bob password $TOKEN and machine x login y password <password>",
        '{"auths": {"x.acme.io": {"auth": ""}, "y.acme.io": {"auth": "dXNlcjpwYXNzd29yZA=="}}}',
        "jdbc:postgresql://db/x?user=bob&password=${PASSWORD}&ssl=true",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n",
        "",
    ],
)
def test_it_leaves_alone(scanner: SecretScanner, text: str) -> None:
    assert scanner.scan(text.encode()) == []


def test_what_was_found_is_not_kept(scanner: SecretScanner) -> None:
    found = scanner.scan(f"{HUB}\n{HUB}".encode())
    assert found == [Secret("github-pat", 1), Secret("github-pat", 2)]
    assert HUB not in repr(found)


def test_lines_that_no_person_writes_take_no_time(scanner: SecretScanner) -> None:
    long, many = "://a:" * 200_000, ("://" + "a:" * 1990 + "\n") * 200
    java = "jdbc:a?" * 100_000 + "jdbc:" + "a?" * 100_000 + " "
    logins = ("machine " + " \t" * 100_000) * 2 + "machine a login " * 50_000
    assert scanner.scan(f"{long}\n{'x' * 3999}\n{many}{java}{logins}".encode()) == []
