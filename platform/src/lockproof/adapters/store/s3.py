"""A remote in S3, or in what speaks its protocol.

Only ListBucket, HeadObject and GetObject; PutObject for proofs, which no gate writes.
"""

import os
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from lockproof.errors import ConfigError
from lockproof.model.remote import RemoteConfig

from .interface import Held, Page, StoreError

_T = TypeVar("_T")
_CHUNK = 1 << 20
_MD5 = re.compile(r"[0-9a-f]{32}")
_ABSENT = ("404", "NoSuchKey", "NoSuchVersion")
_TRANSIENT = re.compile(
    r"SlowDown|.*Throttl.*|InternalError|ServiceUnavailable|RequestTimeout|TooManyRequests"
    r"|RequestLimitExceeded|BandwidthLimitExceeded|OperationAborted|Busy|PriorRequestNotComplete"
)
_READS = "reading it takes s3:ListBucket and s3:GetObject"
_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled")


class S3Store:
    """A bucket and a prefix in it."""

    can_list = True

    def __init__(self, remote: RemoteConfig, *, jobs: int, timeout: float) -> None:
        """Prepare a client with the remote's settings; the environment's fill the gaps.

        Raises:
            ConfigError: the settings do not make sense.
        """
        self.remote = remote
        self._bucket = remote.host
        self._prefix = f"{remote.path.strip('/')}/".lstrip("/")
        self._keys = _customer_key(remote)
        try:
            self._client = _client(remote, jobs, timeout)
        except (BotoCoreError, ValueError) as error:
            raise ConfigError(f"remote {remote.name!r}: {error}") from error

    def check(self) -> None:
        """A missing bucket is an error; a bucket that may not be listed is asked by object."""
        try:
            self._ask(
                lambda: self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1
                )
            )
        except _Denied:
            self.can_list = False

    def page(self, folder: str, after: str) -> Page:
        """Up to 1,000 objects. In a listing, `md5` is only what the ETag looks like."""
        prefix = f"{self._prefix}{folder}"
        answer = self._ask(
            lambda: self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, StartAfter=f"{prefix}{after}", Delimiter="/"
            )
        )
        # Every listing has it; a body that is empty or cut short does not.
        if not isinstance(answer.get("IsTruncated"), bool):
            raise StoreError(self.remote, "its listing is not complete")
        held = {}
        for item in answer.get("Contents", ()):
            key, size = item.get("Key", ""), item.get("Size")
            if not key.startswith(prefix) or size is None:
                raise StoreError(self.remote, "its listing is not what was asked for")
            etag = item.get("ETag", "").strip('"')
            held[key[len(prefix) :]] = Held(size, _md5_like(etag), etag)
        if answer["IsTruncated"] and not any(name > after for name in held):
            raise StoreError(self.remote, "its listing does not go on")
        return Page(held, answer["IsTruncated"])

    def head(self, path: str, version: str | None = None) -> Held | None:
        """Size, and the ETag as MD5 where the object's encryption leaves it one."""
        try:
            answer = self._ask(lambda: self._client.head_object(**self._named(path, version)))
        except FileNotFoundError:
            return None
        size = answer.get("ContentLength")
        # The tag may be empty, but a store always sends one, and a captive portal does not.
        if size is None or "ETag" not in answer:
            raise StoreError(self.remote, "its answer is not that of an object store")
        etag = answer["ETag"].strip('"')
        return Held(size, None if _is_keyed(answer) else _md5_like(etag), etag)

    def read(self, path: str, version: str | None = None) -> Iterator[bytes]:
        """The content; a body that ends early is an error."""
        answer = self._ask(lambda: self._client.get_object(**self._named(path, version)))
        if "ETag" not in answer:
            raise StoreError(self.remote, "its answer is not that of an object store")
        body = answer["Body"]
        try:
            while chunk := self._ask(lambda: body.read(_CHUNK)):
                yield chunk
        finally:
            body.close()

    def put(self, path: str, content: bytes) -> None:
        """Write an object; S3 shows it whole or not at all."""
        named = self._named(path, None)
        try:
            self._ask(lambda: self._client.put_object(Body=content, **named))
        except _Denied as error:
            error.args = (str(error).replace(_READS, "writing it takes s3:PutObject"),)
            raise

    def close(self) -> None:
        """Close the pool of connections."""
        self._client.close()

    def _named(self, path: str, version: str | None) -> dict[str, Any]:
        given = {"Bucket": self._bucket, "Key": f"{self._prefix}{path}", **self._keys}
        return {**given, "VersionId": version} if version else given

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ClientError as error:
            raise self._refused(error) from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            raise StoreError(self.remote, str(error), transient=False) from error
        except (
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
            ResponseParserError,
        ) as error:
            raise StoreError(self.remote, str(error) or type(error).__name__) from error
        except BotoCoreError as error:
            raise StoreError(self.remote, str(error), transient=False) from error
        except OSError as error:  # urllib3's own, from the body of an answer.
            raise StoreError(self.remote, str(error) or type(error).__name__) from error

    def _refused(self, error: ClientError) -> Exception:
        answer: Mapping[str, Any] = error.response
        code = str(answer.get("Error", {}).get("Code", ""))
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _ABSENT:
            return FileNotFoundError(code)
        reason = f"{code} {answer.get('Error', {}).get('Message', '')}".strip()
        if status >= 500 or status in (408, 429) or _TRANSIENT.fullmatch(code):
            return StoreError(self.remote, reason or f"HTTP {status}")
        if code in _DENIED:
            return _Denied(
                self.remote,
                reason,
                transient=False,
                advice=_READS,
            )
        return StoreError(self.remote, reason or f"HTTP {status}", transient=False)


class _Denied(StoreError):
    """What was asked for is not permitted."""


def _client(remote: RemoteConfig, jobs: int, timeout: float) -> Any:
    given = remote.options
    core = botocore.session.get_session()
    for option, variable in (("credentialpath", "credentials_file"), ("configpath", "config_file")):
        # As in DVC, the environment's own setting goes first.
        environment = "AWS_SHARED_CREDENTIALS_FILE" if "cred" in option else "AWS_CONFIG_FILE"
        if option in given and environment not in os.environ:
            core.set_config_variable(variable, given[option])
    try:
        session = boto3.Session(
            botocore_session=core,
            profile_name=given.get("profile"),
            aws_access_key_id=given.get("access_key_id"),
            aws_secret_access_key=given.get("secret_access_key"),
            aws_session_token=given.get("session_token"),
            region_name=given.get("region"),
        )
    except ProfileNotFound as error:
        raise ConfigError(f"remote {remote.name!r}: {error}") from error
    settings: dict[str, Any] = {
        "connect_timeout": remote.number("connect_timeout") or timeout,
        "read_timeout": remote.number("read_timeout") or timeout,
        "max_pool_connections": jobs,
        # `Patience` asks again, the same way for every kind of store.
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        # ETags and lengths are checked here; more would need permission for more.
        "response_checksum_validation": "when_required",
    }
    if remote.flag("allow_anonymous_login"):
        settings["signature_version"] = UNSIGNED
    return session.client(
        "s3",
        endpoint_url=given.get("endpointurl"),
        use_ssl=remote.flag("use_ssl", default=True),
        verify=_verify(given.get("ssl_verify")),
        config=Config(**settings),
    )


def _verify(text: str | None) -> bool | str | None:
    return {"true": True, "false": False}.get(text.lower(), text) if text else None


def _customer_key(remote: RemoteConfig) -> dict[str, Any]:
    key = remote.options.get("sse_customer_key")
    if not key:
        return {}
    try:
        raw = b64decode(key, validate=True)
    except ValueError as error:
        raise ConfigError(f"remote {remote.name!r}: sse_customer_key is no base64") from error
    algorithm = remote.options.get("sse_customer_algorithm", "AES256")
    return {"SSECustomerKey": raw, "SSECustomerAlgorithm": algorithm}


def _md5_like(etag: str) -> str | None:
    return etag.lower() if _MD5.fullmatch(etag.lower()) else None


def _is_keyed(answer: Mapping[str, Any]) -> bool:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: with SSE-C and SSE-KMS the
    # ETag is no MD5.
    kms = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms")
    return kms or bool(answer.get("SSECustomerAlgorithm"))
