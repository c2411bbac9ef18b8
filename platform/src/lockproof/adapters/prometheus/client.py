"""Range queries over HTTP: bounded in time and size, with nothing that follows a redirect."""

import base64
import http.client
import json
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from lockproof.errors import ConfigError, UnavailableError, UsageError, unreadable

from .series import Line, joined, line_of

_LARGEST = 4 << 20
"""One series of the points below takes half a MiB; in memory an answer takes some 16 times this."""
_MOST_TOGETHER = 16 << 20
"""Of all answers to one query: what is kept of them takes up to six times this."""
_MOST_POINTS = 10_000
"""Of one series in one answer; Prometheus gives 11,000."""
_LARGEST_REFUSAL = 1 << 20
_SHOWN = 300
_LONG = 8
_INFO = "PromQL info:"


@dataclass(frozen=True)
class Access:
    """Where the server is, and how it is asked."""

    url: str
    """`http(s)://host[:port][/prefix]`."""
    token: Path | None = None
    """File with a bearer token."""
    user: str | None = None
    password: Path | None = None
    """File with the password of `user`."""
    ca: Path | None = None
    """File with the certificates that the server's is checked against; None: the system's."""
    headers: tuple[tuple[str, Path], ...] = ()
    """Names of headers, and files with their values, such as the tenant that Mimir asks for."""
    timeout: float = 30.0
    """Seconds for one answer."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The credentials are for the server that was named."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: Message, newurl: str,
    ) -> None:  # fmt: skip
        return None


class Prometheus:
    """A server."""

    def __init__(self, access: Access) -> None:
        """Reads the files with credentials.

        Raises:
            UsageError: the address is none, or a file cannot be read.
        """
        wanted = "--prometheus must be an address such as http://prometheus:9090"
        try:
            address = urlsplit(access.url)
        except ValueError:  # Brackets that hold no IPv6 address.
            raise UsageError(wanted) from None
        try:
            port = address.port
        except ValueError:
            raise UsageError("--prometheus: the port is no number up to 65535") from None
        if not _sendable(access.url, address.hostname or ""):
            raise UsageError(
                "--prometheus must be an address in ASCII whose host's parts have at most 63"
                " characters each: write xn-- and %XX for other letters"
            )
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UsageError(wanted)
        if "?" in access.url or "#" in access.url:
            raise UsageError(wanted)
        if "@" in address.netloc:
            raise UsageError(
                "--prometheus must hold no user or password: use --user and --password-file"
            )
        host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
        self.name = f"{address.scheme}://{host}{f':{port}' if port else ''}{address.path}"
        self._url = f"{access.url.rstrip('/')}/api/v1/query_range"
        self._timeout = access.timeout
        self._headers, self._secrets = _credentials(access)
        self._opener = urllib.request.build_opener(_NoRedirect, *_https(access.ca))

    def query_range(self, query: str, start: int, end: int, step: int) -> list[Line]:
        """The value of a query at `start`, `start + step`, … up to `end`, in Unix seconds.

        Raises:
            ConfigError: the server refuses the query or the credentials, is no Prometheus, or
                there is too much of it.
            UnavailableError: it does not answer, or only in part.
        """
        found: dict[tuple[tuple[str, str], ...], Line] = {}
        at, most, together = start, _MOST_POINTS, 0
        while at <= end:
            last = min(end, at + step * (most - 1))
            content = self._ask(query, at, last, step)
            if len(content) > _LARGEST:
                if last == at:
                    raise ConfigError(
                        f"{self.name}: the answer to {_short(query)} exceeds {_LARGEST >> 20} MiB"
                        " for one interval alone, so it is of many series: put sum() around it"
                    )
                # Of many series, or of native histograms: fewer points at once.
                most = ((last - at) // step + 1) // 2
                continue
            together += len(content)
            if together > _MOST_TOGETHER:
                seen, wanted = ((until - start) // step + 1 for until in (last, end))
                raise ConfigError(
                    f"{self.name}: the answers to {_short(query)} exceed"
                    f" {_MOST_TOGETHER >> 20} MiB, with {seen:,} of {wanted:,} intervals: take a"
                    " shorter horizon or a longer interval, or ask for fewer series or buckets"
                )
            for line in self._read(content, query, at, step):
                key = tuple(sorted(line.labels.items()))
                before = found.get(key)
                found[key] = line if before is None else joined(before, line)
            at = last + step
            if len(content) < _LARGEST // 4:
                most = min(_MOST_POINTS, 2 * most)
        return list(found.values())

    def _ask(self, query: str, start: int, end: int, step: int) -> bytes:
        """The answer; of more than `_LARGEST` bytes the beginning."""
        form = {
            "query": query,
            "start": str(start),
            "end": str(end),
            "step": str(step),
            "timeout": f"{max(1, int(self._timeout))}s",
        }
        request = urllib.request.Request(  # noqa: S310 - http and https alone
            self._url, urlencode(form).encode(), self._headers, method="POST"
        )
        try:
            code, content = self._within(lambda: self._exchange(request))
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UnavailableError(f"{self.name} does not answer: {self._shown(reason)}") from error
        if code != http.HTTPStatus.OK:
            raise self._refusal(code, content, query)
        return content

    def _read(self, content: bytes, query: str, start: int, step: int) -> list[Line]:
        try:
            lines = self._lines(_mapping(json.loads(content)), query)
        except (
            ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError
        ) as error:  # fmt: skip
            raise ConfigError(
                f"{self.name} does not answer as Prometheus does: {self._shown(unreadable(error))}"
            ) from error
        for line in lines:
            if any((at - start) % step for at in (*line.values, *line.histograms)):
                raise ConfigError(
                    f"{self.name} answers of other times than it was asked about, as a query"
                    f" frontend that aligns them does: have it do so no more, or name a --since"
                    f" that is a multiple of the interval, {step} s"
                )
        return lines

    def _within(self, work: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
        """What `work` gives, where it does in time.

        A socket's timeout begins anew with each byte, of the head as of the rest, and a name is
        looked up without any; so the work is done aside, and left behind where it takes longer.
        """
        found: list[tuple[int, bytes]] = []
        failed: list[Exception] = []

        def aside() -> None:
            try:
                found.append(work())
            except Exception as error:  # noqa: BLE001 - it is raised below
                failed.append(error)

        thread = threading.Thread(target=aside, daemon=True)
        thread.start()
        thread.join(self._timeout)
        if failed:
            raise failed[0]
        if not found:
            raise TimeoutError(f"the answer takes more than {self._timeout:g} s")
        return found[0]

    def _exchange(self, request: urllib.request.Request) -> tuple[int, bytes]:
        """The status and what came with it; of more than `_LARGEST` bytes the beginning."""
        late, content = time.monotonic() + self._timeout, bytearray()
        try:
            answer = self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            with error:
                try:
                    return error.code, error.read(_LARGEST_REFUSAL)
                except (OSError, http.client.HTTPException):
                    return error.code, b""
        with answer:
            while part := answer.read1(1 << 16):
                content += part
                if len(content) > _LARGEST or time.monotonic() > late:
                    break  # Whoever asked has left by now.
            else:
                if answer.length:
                    raise http.client.IncompleteRead(b"", answer.length)
            return answer.status, bytes(content)

    def _lines(self, answer: Mapping[str, Any], query: str) -> list[Line]:
        if answer.get("status") != "success":
            why = self._shown(answer.get("error", ""))
            raise ValueError(f"its status is not success{f': {why}' if why else ''}")
        if answer.get("isPartial"):  # As VictoriaMetrics says it.
            raise UnavailableError(f"{self.name} answers {_short(query)} in part")
        said = answer.get("warnings") or ()
        said = [said] if isinstance(said, str) else said
        # Thanos has there that a store did not answer, and what Prometheus has in `infos`.
        warnings = [each for each in said if not str(each).startswith(_INFO)]
        if warnings:
            raise UnavailableError(
                f"{self.name} answers {_short(query)} with a warning, so perhaps in part:"
                f" {self._shown(warnings[0])}"
            )
        data = _mapping(answer["data"])
        if data["resultType"] != "matrix":
            raise ValueError("its result is no matrix")
        return [line_of(series) for series in data["result"]]

    def _shown(self, said: object) -> str:
        """What a server says, without our credentials, which some repeat."""
        text = str(said)
        for secret in self._secrets:
            # A short one, as a tenant may be, is a part of many words.
            ends = ("", "") if len(secret) >= _LONG else (r"(?<!\w)", r"(?!\w)")
            text = re.sub(re.escape(secret).join(ends), "***", text)
        return text[:_SHOWN]

    def _refusal(self, code: int, content: bytes, query: str) -> Exception:
        try:
            said = str(_mapping(json.loads(content))["error"])
        except (ValueError, KeyError, RecursionError):
            said = ""
        said = f": {self._shown(said)}" if said else ""
        if code in (401, 403):
            return ConfigError(f"{self.name} refuses the credentials ({code}){said}")
        if code in (400, 422) and said:
            return ConfigError(f"{self.name} refuses {_short(query)}{said}")
        if 300 <= code < 400:
            return ConfigError(f"{self.name} sends to another address: name that one")
        if code in (404, 405):
            return ConfigError(f"{self.name} has no Prometheus API ({code})")
        return UnavailableError(f"{self.name} answers {code}{said}")


def _sendable(url: str, host: str) -> bool:
    """Whether HTTP can say it: in printable ASCII, with a host that can be looked up."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return url.isascii() and url.isprintable() and " " not in url


def _https(ca: Path | None) -> list[urllib.request.BaseHandler]:
    if ca is None:
        return []
    try:
        return [urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca)))]
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the certificates in {ca}: {error}") from error


def _credentials(access: Access) -> tuple[dict[str, str], list[str]]:
    """The headers of a question, and what of them is to be shown to nobody."""
    if (access.user is None) != (access.password is None):
        raise UsageError("--user and --password-file belong together")
    if access.token and access.user:
        raise UsageError("use --token-file or --user, not both")
    headers, secrets = {"Content-Type": "application/x-www-form-urlencoded"}, list[str]()
    if access.token:
        secret = _secret(access.token)
        secrets.append(secret)
        headers["Authorization"] = f"Bearer {secret}"
    elif access.user is not None and access.password is not None:
        secret = _secret(access.password)
        pair = base64.b64encode(f"{access.user}:{secret}".encode()).decode()
        secrets += [pair, secret]
        headers["Authorization"] = f"Basic {pair}"
    for name, path in access.headers:
        if name.lower() in (each.lower() for each in headers):
            raise UsageError(f"--header {name} stands twice")
        headers[name] = _secret(path)
        secrets.append(headers[name])
    return headers, secrets


def _secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(1 << 16).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not ASCII"
        raise UsageError(f"cannot read {path}: {reason}") from error
    if not text or not text.isprintable():
        raise UsageError(f"{path} must hold one line and nothing else")
    return text


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def _short(query: str) -> str:
    text = " ".join(query.split())
    return f"'{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}'"
