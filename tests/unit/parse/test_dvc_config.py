"""DVC's configuration, read without DVC and compared with what DVC makes of it."""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.store.config import config_files
from lockproof.errors import ConfigError
from lockproof.model.remote import ConfigFile, RemoteConfig, RemoteConfigs
from lockproof.parse.dvc_config import read_dvc_configs

REPO = """\
[core]
    remote = Store
    autostage = true
['remote "store"']
    url = s3://bucket/a/b
    endpointurl = http://127.0.0.1:9000
    region = eu-central-1
['remote "Nested"']
    url = remote://store/below
    profile = other
['remote "disk"']
    url = ../somewhere
['remote "quoted"']
    url = "s3://bucket/with, comma"  # and a comment
"""
LOCAL = """\
['remote "store"']
    access_key_id = me
    region = us-east-1
"""


def file(text: str, *, committed: bool = False, folder: str = "/p/.dvc") -> ConfigFile:
    return ConfigFile(name="config", folder=folder, content=text.encode(), committed=committed)


def read(*texts: str, committed: bool = False) -> RemoteConfigs:
    return read_dvc_configs([file(text, committed=committed) for text in texts], "/p")


def test_later_files_go_over_earlier_ones() -> None:
    found = read(REPO, LOCAL).remote(None)
    assert found == RemoteConfig(
        name="store",
        url="s3://bucket/a/b",
        options={
            "endpointurl": "http://127.0.0.1:9000",
            "region": "us-east-1",
            "access_key_id": "me",
        },
    )


def test_a_remote_that_is_built_on_another() -> None:
    found = read(REPO).remote("nested")
    assert found
    assert found.url == "s3://bucket/a/b/below"
    assert found.options["region"] == "eu-central-1"
    assert found.options["profile"] == "other"


def test_paths_start_at_their_file() -> None:
    found = read(REPO).remote("disk")
    assert found
    assert (found.url, found.scheme) == ("/p/somewhere", "local")


def test_a_remote_that_is_not_there() -> None:
    assert read(REPO).remote("nobody") is None
    assert read("").remote(None) is None


def test_what_dvc_makes_of_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.config import Config
    from dvc.fs import get_cloud_fs

    for level in ("SYSTEM", "GLOBAL"):
        (tmp_path / level).mkdir()
        monkeypatch.setenv(f"DVC_{level}_CONFIG_DIR", str(tmp_path / level))
    (tmp_path / "SYSTEM" / "config").write_text("['remote \"disk\"']\n    url = /not/this\n")
    (tmp_path / "GLOBAL" / "config").write_text("['remote \"home\"']\n    url = ~/data\n")
    folder = tmp_path / "p" / ".dvc"
    folder.mkdir(parents=True)
    (folder / "config").write_text(REPO)
    (folder / "config.local").write_text(LOCAL)
    theirs = Config(str(folder))
    ours = read_dvc_configs(config_files(folder.parent, REPO.encode()), str(folder.parent))
    assert ours.default == theirs["core"]["remote"].lower()
    assert set(ours.sections) == set(theirs["remote"])
    for name in theirs["remote"]:
        found = ours.remote(name)
        assert found
        if name == "nested":
            _, _, path = get_cloud_fs(theirs, name=name)
            assert found.url.endswith(path.lstrip("/"))
        else:
            assert found.url == theirs["remote"][name]["url"]
    without = config_files(folder.parent, REPO.encode(), local=False)
    assert "access_key_id" not in read_dvc_configs(without, "/p").sections["store"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("['remote \"a\"']\n    url = a, b", "in quotes if it has a comma"),
        ("['remote \"a\"'\n", "no DVC configuration"),
        ("['remote \"a\"']\n    url = %(nobody)s", "no DVC configuration"),
        ("['remote \"a\"']\n    keyfile = a\0b", "one value"),
        ("x = 1\nx = 2", "no DVC configuration"),
        ("#" * (1 << 20) + "#", "larger than 1 MiB"),
    ],
)
def test_what_is_no_configuration(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("['remote \"a\"']\n    url = remote://a/x", "a -> a"),
        ("['remote \"a\"']\n    url = remote://b/x", "a -> b"),
        ("['remote \"a\"']\n    region = x", "has no url"),
    ],
)
def test_remotes_that_lead_nowhere(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(text).remote("a")


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("bearer_token_command = cat /etc/passwd", "can run a program"),
        ("configpath = /home/me/aws", "can run a program"),
        ("credentialpath = ../secrets", "takes its credentialpath from the repository"),
        ("keyfile = ../id_rsa", "takes its keyfile from the repository"),
    ],
)
def test_what_a_pull_request_must_not_choose(setting: str, why: str) -> None:
    text = f"['remote \"a\"']\n    url = s3://bucket\n    {setting}"
    with pytest.raises(ConfigError, match=why):
        read(text, committed=True)
    assert read(text).remote("a")


def test_links_do_not_hide_the_repository(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "away").symlink_to(tmp_path / "p")
    text = f"['remote \"a\"']\n    url = s3://b\n    keyfile = {tmp_path}/away/key"
    with pytest.raises(ConfigError, match="keyfile"):
        read_dvc_configs([file(text, committed=True)], str(tmp_path / "p"))


@given(
    st.binary(max_size=300) | st.text("[]\"'=remote urlcx:/%()\n ,#", max_size=120).map(str.encode)
)
@settings(deadline=None, max_examples=500)
def test_anything_is_read_or_refused_in_one_line(content: bytes) -> None:
    given_ = ConfigFile(name="config", folder="/p/.dvc", content=content, committed=True)
    with contextlib.suppress(ConfigError):  # Which is one line by itself.
        found = read_dvc_configs([given_], "/p")
        for name in found.sections:
            found.remote(name)


@pytest.mark.parametrize(
    ("url", "scheme", "address"),
    [
        ("s3://bucket/a", "s3", "s3://bucket/a"),
        ("https://me:secret@host/a?token=x", "https", "https://host/a"),
        ("/data", "local", "/data"),
        ("file:///data", "local", "file:///data"),
        ("ssh://me@host:22/a", "ssh", "ssh://host:22/a"),
    ],
)
def test_addresses_name_no_secrets(url: str, scheme: str, address: str) -> None:
    found = RemoteConfig(name="a", url=url)
    assert (found.scheme, found.address) == (scheme, address)


def test_settings_that_are_not_what_they_must_be() -> None:
    options: dict[str, Any] = {"use_ssl": "maybe", "read_timeout": "-1"}
    found = RemoteConfig(name="a", url="s3://b", options=options)
    with pytest.raises(ConfigError, match="use_ssl must be true or false"):
        found.flag("use_ssl")
    with pytest.raises(ConfigError, match="read_timeout must be a positive number"):
        found.number("read_timeout")


def test_a_home_folder_is_found() -> None:
    found = read("['remote \"a\"']\n    url = ~/data").remote("a")
    assert found
    assert found.url == os.path.expanduser("~/data")
