"""The connection to an API server: found in a kubeconfig, and asked again with patience."""

import importlib
import importlib.util
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from lockproof.errors import ConfigError, MissingExtraError, UnavailableError
from lockproof.model.resource import Body

from .answers import (
    Refusal,
    Why,
    is_transient,
    read_status,
    refusal_of,
)

_CONNECT, _READ = 5.0, 30.0
_FIRST_PATIENCE = 5.0
"""Seconds for a server that was never reached; one that was gets the caller's patience."""
_TRIES = 3
"""At least, however long each takes: a busy server answers the second or the third."""
_DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0)

IN_CLUSTER = "in-cluster"
"""The context of a pod that uses its service account."""

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

Say = Callable[[str], None]


class WouldWriteError(RuntimeError):
    """A bug of ours: what was only to ask would have written."""


@dataclass
class Connection:
    """One API server, as one user."""

    server: str
    """Scheme, host and port."""
    context: str
    """The context of the kubeconfig, for people."""
    patience: float
    """Seconds for which a request that fails in passing is tried again."""
    say: Say
    _configuration: Any = field(repr=False)
    _pool: Any = field(repr=False)
    only_asks: bool = False
    """Whether nothing may be written: then a request that would write is a bug of ours."""
    namespace: str = "default"
    """Where an object is applied that names no namespace: the context's."""
    _reached: bool = False

    @classmethod
    def open(
        cls,
        kubeconfig: Path | None,
        context: str | None,
        *,
        patience: float,
        say: Say,
        only_asks: bool = False,
    ) -> "Connection":
        """Find the server; nothing is contacted yet.

        Args:
            kubeconfig: a file; None for `$KUBECONFIG`, else `~/.kube/config`, else the service
                account where this runs in a pod.
            context: a context of the file; None for its current one.
            patience: seconds for which a request that fails in passing is tried again.
            say: hears of waiting.
            only_asks: whether what would write is refused before it leaves this machine.

        Raises:
            ConfigError: there is no kubeconfig, or it cannot be used.
            MissingExtraError: the client library is not installed.
        """
        if importlib.util.find_spec("kubernetes") is None:
            raise MissingExtraError("kubernetes", "a cluster")
        client, named, namespace = _client(kubeconfig, context)
        parts = urlsplit(client.configuration.host)
        server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        pool = client.rest_client.pool_manager
        return cls(server, named, patience, say, client.configuration, pool, only_asks, namespace)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Body | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        *,
        failing: bool = False,
    ) -> dict[str, Any]:
        """Ask, and ask again for as long as the failure may pass.

        Args:
            method: of the request.
            path: its path.
            query: its query.
            body: what is sent, as JSON.
            content_type: what that is.
            accept: what is understood.
            failing: whether a server that fails several times at this request has answered it.

        Raises:
            Refusal: the server will not do it.
            ConfigError: there is something else behind the address, or it cannot be trusted.
            UnavailableError: it did not answer for as long as the patience lasts.
            WouldWriteError: nothing may be written, and this would.
        """
        if self.only_asks and not _only_asks(method, query, body):
            raise WouldWriteError(f"{method} {path}")
        if {".", ".."} & set(path.split("/")):
            # The client would ask for what is behind the shorter path.
            raise Refusal(Why.INVALID, f"no object can be at {path}")
        began, tries = time.monotonic(), 0
        while True:
            answer = self._attempt(method, path, query, body, content_type, accept)
            if isinstance(answer, dict):
                return answer
            if isinstance(answer, Refusal):
                if answer.why is not Why.FAILED:
                    if self._is_ready(answer):
                        raise answer
                    answer = "it is starting"
                elif failing and tries > 2:
                    raise answer
            patience = self.patience if self._reached else min(self.patience, _FIRST_PATIENCE)
            if tries >= _TRIES - 1 and time.monotonic() - began > patience:
                raise UnavailableError(
                    f"the API server {self.server} (context {self.context}) does not answer:"
                    f" {answer}; start it or correct the kubeconfig, then run this again"
                )
            if tries == 2:
                self.say(f"waiting for the API server {self.server}: {answer}")
            time.sleep(_DELAYS[min(tries, len(_DELAYS) - 1)])
            tries += 1

    def text(self, path: str, query: Mapping[str, str], most: int) -> bytes:
        """What is behind a path as it is, such as a log; asked for once.

        Args:
            path: the path.
            query: its query.
            most: bytes; what comes after them is not read.

        Raises:
            Refusal: the server will not give it.
            UnavailableError: it does not answer, or has more than that to say.
        """
        import urllib3

        answer = None
        try:
            answer = self._open("GET", path, query, None, {"Accept": "*/*"}, preload_content=False)
            content: bytes = answer.read(most + 1)
        except urllib3.exceptions.HTTPError as error:
            raise UnavailableError(f"{self.server} does not answer: {_brief(error)}") from error
        finally:
            if answer is not None:
                answer.close()
        if answer.status >= 300:
            status = read_status(content)
            refusal = refusal_of(answer.status, status)
            said = " ".join(str(status.get("message") or f"HTTP {answer.status}").split())
            raise refusal or UnavailableError(said[:300])
        if len(content) > most:
            raise UnavailableError(f"{path} has more than {most:,} bytes")
        return content

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        preload_content: bool = True,
    ) -> Any:
        import urllib3

        sent = {**headers, "User-Agent": "lockproof"}
        for setting in self._configuration.auth_settings().values():
            sent[setting["key"]] = setting["value"]
        return self._pool.request(
            method,
            f"{self.server}{path}" + (f"?{urlencode(query)}" if query else ""),
            body=body,
            headers=sent,
            timeout=urllib3.Timeout(connect=_CONNECT, read=_READ),
            retries=False,
            redirect=False,
            preload_content=preload_content,
        )

    def _is_ready(self, refusal: Refusal) -> bool:
        """Whether a refusal stands: a server that is starting knows no roles and no kinds yet."""
        unknown = refusal.why is Why.NOT_FOUND and "requested resource" in str(refusal)
        if refusal.why is not Why.FORBIDDEN and not unknown:
            return True
        answer = self._attempt("GET", "/readyz", {}, None, "", "*/*")
        return not isinstance(answer, str)

    def _attempt(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Body | None,
        content_type: str,
        accept: str,
    ) -> dict[str, Any] | Refusal | str:
        """The answer, or a refusal, or why there is neither yet."""
        import urllib3

        headers = {"Accept": accept, "Content-Type": content_type}
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._open(method, path, query, content, headers)
        except urllib3.exceptions.SSLError as error:
            if _is_hung_up(error):
                return "it ended the connection before it said who it is"
            raise ConfigError(
                f"the API server {self.server} cannot be trusted: {_brief(error)};"
                " correct the certificates in the kubeconfig"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            return _brief(error)
        if answer.status < 300:
            self._reached = True
            try:
                value = json.loads(answer.data) if path != "/readyz" else {}
            except ValueError:
                value = None
            if not isinstance(value, dict):
                raise ConfigError(f"{self.server} is no Kubernetes API server: no JSON at {path}")
            return value
        status = read_status(answer.data)
        if is_transient(answer.status, status):
            if answer.status == 500 and status.get("kind") == "Status":
                said = " ".join(str(status.get("message")).split())
                return Refusal(Why.FAILED, said[:300])
            return " ".join(str(status.get("message") or f"HTTP {answer.status}").split())[:300]
        refusal = refusal_of(answer.status, status)
        if refusal is None:
            raise ConfigError(
                f"{self.server} is no Kubernetes API server: HTTP {answer.status} to {path}"
            )
        return refusal


def _is_hung_up(error: Exception) -> bool:
    """Whether no certificate was wrong: as a load balancer ends it that has no server."""
    import ssl

    return any(isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError) for one in error.args)


def _only_asks(method: str, query: Mapping[str, str], body: Body | None) -> bool:
    """Whether an API server takes a request for a question.

    Where a DELETE has options in its body, it does not look at the query (`DeleteOptions` in
    Kubernetes' API reference, and seen: with `dryRun` in the query alone it deletes).
    """
    if method == "GET":
        return True
    if method == "DELETE" and body is not None:
        return body.get("dryRun") == ["All"]
    return query.get("dryRun") == "All"


def _client(kubeconfig: Path | None, context: str | None) -> tuple[Any, str, str]:
    """A client, its context, and the context's namespace."""
    config = importlib.import_module("kubernetes.config")
    # It logs a traceback for a credential plug-in that fails, and raises as well.
    logging.getLogger("kubernetes").setLevel(logging.CRITICAL)
    named = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    if named and not any(os.path.exists(Path(one).expanduser()) for one in named.split(os.pathsep)):
        raise ConfigError(
            f"there is no kubeconfig {named}: use --kubeconfig FILE or set KUBECONFIG"
        )
    try:
        if not named and not context and not Path.home().joinpath(".kube/config").exists():
            if "KUBERNETES_SERVICE_HOST" not in os.environ:
                raise ConfigError(
                    "no cluster: there is no kubeconfig; use --kubeconfig FILE or set KUBECONFIG"
                )
            api = importlib.import_module("kubernetes.client")
            configuration = api.Configuration()
            config.load_incluster_config(client_configuration=configuration)
            own = _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else ""
            return api.ApiClient(configuration), IN_CLUSTER, own or "default"
        client = config.new_client_from_config(named, context, persist_config=False)
        known, current = config.list_kube_config_contexts(named)
        if context is not None:
            current = next(one for one in known if one["name"] == context)
        return client, str(current["name"]), str(current["context"].get("namespace") or "default")
    except ConfigError:
        raise
    except Exception as error:
        if context is not None and "/contexts list" in str(error):
            raise ConfigError(
                f"no context {context!r} in {named or '~/.kube/config'}:"
                " 'kubectl config get-contexts' lists them"
            ) from error
        raise ConfigError(
            f"cannot use the kubeconfig {named or '~/.kube/config'}: {_brief(error)}"
        ) from error


def _brief(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    text = str(reason if isinstance(reason, Exception) else error)
    return " ".join(text.rpartition(": ")[2].split())[:200] or type(error).__name__
