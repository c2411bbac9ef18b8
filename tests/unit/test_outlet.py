"""Where set-up code of packages may call: the Internet, and what the user's settings name."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockproof.adapters.environment.installers import _shown
from lockproof.adapters.environment.outlet import (
    Outlet,
    _Proxy,
    has_proxy,
    is_public,
    vouched_places,
)
from lockproof.adapters.environment.passwords import without_users
from lockproof.adapters.environment.places import Places


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        # What clouds answer their own machines at.
        *("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *(
            "64:ff9b:1::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "224.0.0.1",
            "ff02::1",
        ),
        # QEMU's name for its host; forms of IPv4 that nobody routes; documentation; SRv6.
        *("fec0::2", "feff::1", "::127.0.0.1", "::ffff:0:10.0.0.1", "3fff::1", "5f00::1"),
        *("2001:db8::1", "2001::1", "2001:1ff::1", "2002:101:101::1", "100::1", "4000::1"),
        *("192.0.2.1", "192.88.99.1", "198.18.0.1", "240.0.0.1", "255.255.255.255"),
    ],
)
def test_what_is_near_is_not_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "151.101.0.223", "2606:4700:4700::1111", "2001:200::1"]
)
def test_the_internet(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_no_other_way_to_write_an_address_says_more(ip: ipaddress.IPv4Address) -> None:
    number = int(ip)
    forms = (f"::ffff:{ip}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}")
    forms += (f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",)
    assert {is_public(form) for form in forms} <= {False, is_public(str(ip))}


SPECIAL = [
    ipaddress.ip_network(n)
    for n in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
        *("::/8", "100::/8", "400::/6", "1000::/4", "4000::/2", "8000::/1"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]


def stands_for_ipv4(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    forms = map(ipaddress.ip_network, ("::ffff:0:0/96", "64:ff9b::/96"))
    return any(ip in form for form in forms)


@given(st.sampled_from(SPECIAL).flatmap(lambda network: st.ip_addresses(network=network)))
def test_nothing_that_is_not_global_unicast_is_the_internet(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert stands_for_ipv4(ip) or not is_public(str(ip))


@given(st.ip_addresses())
def test_it_leads_nowhere_that_python_knows_to_be_near(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Python knows less of it in its earlier versions, and none is asked."""
    assert stands_for_ipv4(ip) or ip.is_global or not is_public(str(ip))


def test_the_users_settings_name_places(tmp_path: Path) -> None:
    settings = tmp_path / "uv.toml"
    settings.write_text('find-links = ["http://10.0.0.7:81/x"]\n')
    found = vouched_places(
        {
            "PIP_INDEX_URL": "https://me:s3cret@Mirror.corp:8443/simple",
            "UV_INDEX": "mine=http://[::1]/simple https://a.corp/simple",
            "PIP_TRUSTED_HOST": "b.corp localhost localhost:99",
            "EDITOR": "http://127.0.0.1:5/",
        },
        settings,
    )
    usual = {("pypi.org", 443), ("files.pythonhosted.org", 443)}
    assert found - usual == {
        *(("mirror.corp", 8443), ("::1", 80), ("a.corp", 443), ("localhost", 99), ("10.0.0.7", 81)),
    }, "a host without a port would open all its ports"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#[]")))
@example("p@ssw0rd")
@example("\"p@'w")
@example("pass word")
@example("p@ss word")
@example("word ")
def test_no_part_of_a_password_is_given_to_set_up_code_or_shown(password: str) -> None:
    """Pip and uv take what stands before the last `@`."""
    url = f"https://me:{password}@index.corp:8443/simple"
    plain = "https://index.corp:8443/simple"
    assert without_users(f"mine={url} {url}") == f"mine={plain} {plain}"
    assert _shown(f"no answer from {url}") == "no answer from https://***@index.corp:8443/simple"


@pytest.mark.parametrize("password", ["pass/word", "p/", "pa ss/wo rd", "a?b/c", "x/1@2"])
def test_a_password_that_installers_refuse_is_not_shown_in_what_they_say(password: str) -> None:
    """As uv says it: a slash ends an address's host, and what stood before it is no port."""
    said = "invalid value 'https://me:{}index.corp:8443/simple' for '--default-index'"
    assert _shown(said.format(f"{password}@")) == said.format("***@").replace("me:", "")
    assert without_users(said.format(f"{password}@")) == said.format("").replace("me:", "")
    url = f"https://me:{password}@index.corp:8443/simple"
    assert ("index.corp", 8443) in vouched_places({"PIP_INDEX_URL": url})


@pytest.mark.parametrize(
    "text",
    [
        *("https://h/simple/@scope", "https://h:80/@s/a@b", "https://[::1]:8/a@b", "file:///a/b@c"),
        *("https://h/a b@c", 'index = "https://h" # me@x'),
        *("['https://h:80', 'a@b']", "https://a https://b/@c"),
    ],
)
def test_an_address_without_a_password_stays_as_it_is(text: str) -> None:
    assert without_users(text) == text
    known = text.replace("://", "://me:secret@")
    assert without_users(known) == text


def test_a_host_is_what_follows_the_last_at() -> None:
    url = "https://me:p@ssw0rd@Index.corp/simple"
    assert ("index.corp", 443) in vouched_places({"PIP_INDEX_URL": url})
    assert Places(hosts=frozenset({"index.corp"})).foreign(url) == frozenset()


def test_a_proxy_of_the_users_is_noticed() -> None:
    assert has_proxy({"https_proxy": "http://p:1"})
    assert has_proxy({"PIP_PROXY": "http://p:1"})
    assert not has_proxy({"HTTPS_PROXY": "", "NO_PROXY": "x"})
    assert "NO_PROXY" not in Outlet.variables({"NO_PROXY": "*", "A": "b"})


def test_a_first_program_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with Outlet(Path("python"), folder).served():
        assert list(folder.iterdir())
    assert list(folder.iterdir()) == []


@pytest.fixture
def proxy() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = listener.getsockname()
        with _Proxy(listener, frozenset(), []) as made:
            thread = threading.Thread(target=made.serve_forever)
            thread.start()
            yield place
            made.shutdown()
            thread.join()


HOSTILE = {
    "no request": b"\r\n\r\n",
    "bytes": b"\xff\x00\xfe\r\n\r\n",
    "no port": b"CONNECT localhost HTTP/1.1\r\n\r\n",
    "no host": b"CONNECT :80 HTTP/1.1\r\n\r\n",
    "a port that is none": b"CONNECT localhost:99999 HTTP/1.1\r\n\r\n",
    "a port in words": b"CONNECT localhost:http HTTP/1.1\r\n\r\n",
    "a number of 5,000 digits": b"CONNECT localhost:" + b"9" * 5000 + b" HTTP/1.1\r\n\r\n",
    "this machine": b"CONNECT localhost:%d HTTP/1.1\r\n\r\n",
    "this machine in brackets": b"CONNECT [::ffff:7f00:1]:%d HTTP/1.1\r\n\r\n",
    "this machine by a number": b"CONNECT 2130706433:%d HTTP/1.1\r\n\r\n",
    "this machine behind a user": b"GET http://pypi.org@127.0.0.1:%d/ HTTP/1.1\r\n\r\n",
    "this machine in a header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
    "another kind of address": b"GET file:///etc/passwd HTTP/1.1\r\n\r\n",
    "no address": b"GET http://[/ HTTP/1.1\r\n\r\n",
    "a name that is none": b"CONNECT \xc3\xa9..x:1 HTTP/1.1\r\n\r\n",
    "a long name": b"CONNECT " + b"a" * 300 + b":1 HTTP/1.1\r\n\r\n",
    "another verb": b"POST http://127.0.0.1:%d/ HTTP/1.1\r\n\r\n",
    "a line without end": b"GET " + b"a" * 70_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_it_does_not_lead_to(name: str, proxy: tuple[str, int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as near:
        near.settimeout(0)
        request = HOSTILE[name].replace(b"%d", b"%d" % near.getsockname()[1])
        with socket.create_connection(proxy) as line:
            said = b""
            with suppress(OSError):  # It may end before it has read all that was said.
                line.sendall(request)
                line.shutdown(socket.SHUT_WR)
                while more := line.recv(4096):
                    said += more
        assert not said.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
        assert b"passwd" not in said or b"root:" not in said
        with pytest.raises(BlockingIOError):
            near.accept()
