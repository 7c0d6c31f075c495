"""The client that speaks to S3, and what its errors mean."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from ...errors import BegatError, ParameterError, SettingsError

S = TypeVar("S")
T = TypeVar("T")

#: How every address of S3 begins.
SCHEME = "s3://"
#: Requests under way at once.
PARALLEL = 16
#: How often a request is made at most, unless AWS_MAX_ATTEMPTS says so.
ATTEMPTS = 6
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "NoSuchUpload"})
_CHANGED = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict", "409"})
_REMEDIES = {
    "403": "check the credentials, and what they may do there",
    "AccessDenied": "check the credentials, and what they may do there",
    "ExpiredToken": "renew the credentials",
    "InvalidAccessKeyId": "check AWS_ACCESS_KEY_ID, or where else the credentials come from",
    "NoSuchBucket": "create the bucket, or mend its name",
    "SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY",
    "SlowDown": "try again later: the server asks for fewer requests",
}
_REMEDY = "try again, and check the server, or AWS_ENDPOINT_URL"
#: Packages whose errors are the server's, or of the way to it.
_THEIRS = ("boto3", "botocore", "s3transfer", "urllib3")


class Address(NamedTuple):
    """Where an object lies, or objects whose keys begin alike."""

    bucket: str
    key: str
    #: The object's version, where the bucket keeps them; empty for the newest.
    version: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address that `s3://bucket/key` or `s3://bucket/key?versionId=ID` names.

        Raises:
            ParameterError: it is none.
        """
        bucket, _, key = url.removeprefix(SCHEME).partition("/")
        if not url.startswith(SCHEME) or not bucket:
            raise ParameterError(f"an address in S3 is s3://bucket/key; got {url!r}")
        key, _, version = key.partition("?versionId=")
        return cls(bucket, key, version)

    def __str__(self) -> str:
        version = f"?versionId={self.version}" if self.version else ""
        return f"{SCHEME}{self.bucket}/{self.key}{version}"

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments that name the object in a request."""
        named = {"Bucket": self.bucket, "Key": self.key}
        return named | {"VersionId": self.version} if self.version else named


def is_versioned(location: str) -> bool:
    """Whether a location is one version of an object: nobody writes there any more."""
    return location.startswith(SCHEME) and bool(Address.parse(location).version)


_lock = threading.Lock()
#: This process's client, and the process's id: a forked child has connections of its own.
_clients: dict[int, Any] = {}
#: Makes sessions; None: boto3's own chain of credentials.
_session: list[Callable[[], Any]] = []


def client() -> Any:
    """This process's client of boto3's, which threads may share.

    Credentials, region and endpoint are found as boto3 finds them: `AWS_*` variables, its
    files, a role. A request that fails is tried again, later and later, with jitter.

    Raises:
        SettingsError: boto3 is not installed, or no region, endpoint or profile can be used.
    """
    with _lock:
        if os.getpid() not in _clients:
            _clients.clear()
            _clients[os.getpid()] = _made()
        return _clients[os.getpid()]


def use_session(make: Callable[[], Any]) -> None:
    """Let a session of boto3's that somebody else makes have the credentials.

    Args:
        make: such as `AwsCredentials.load("production").get_boto3_session`.
    """
    _session[:] = [make]
    forget()


def forget() -> None:
    """Let the next request find credentials and endpoint anew."""
    with _lock:
        found = _clients.pop(os.getpid(), None)
        _clients.clear()
    if found is not None:
        found.close()


@contextmanager
def translated(doing: str, kind: type[BegatError]) -> Iterator[None]:
    """Turn what boto3 raises inside into an error of begat's.

    Args:
        doing: what cannot be done then: `s3://bucket/key cannot be read`.
        kind: of error.
    """
    try:
        yield
    except Exception as error:
        why = _why(error)
        if not why:
            raise
        raise kind(f"{doing} {why}") from error


def code(error: BaseException | None) -> str:
    """The code of an answer that is an error; empty if it is none."""
    found: str = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return found


def is_absent(error: BaseException | None) -> bool:
    """Whether an answer says that an object or its version is not there."""
    return code(error) in _ABSENT


def is_changed(error: BaseException | None) -> bool:
    """Whether an answer says that an object is not what it was taken for."""
    return code(error) in _CHANGED


def in_parallel(ask: Callable[[S], T], items: Sequence[S]) -> list[tuple[S, T]]:
    """Ask for each of many, several at a time; in the order given.

    After one that failed no others are begun, and its error is raised.
    """
    if len(items) < 2:
        return [(item, ask(item)) for item in items]
    with ThreadPoolExecutor(min(PARALLEL, len(items))) as pool:
        return list(zip(items, pool.map(ask, items), strict=True))


def _made() -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise SettingsError(
            "boto3 is not installed, which S3 needs; pip install 'path/to/begat[s3]'"
        ) from None
    attempts = {} if os.environ.get("AWS_MAX_ATTEMPTS") else {"total_max_attempts": ATTEMPTS}
    config = Config(
        retries={"mode": "standard", **attempts},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=2 * PARALLEL,
        tcp_keepalive=True,
    )
    try:
        session = _session[0]() if _session else boto3.session.Session()
        region = session.region_name or "us-east-1"  # what other servers than Amazon's ignore
        made = session.client("s3", region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(
            f"S3 cannot be spoken to ({_line(error)}); check AWS_ENDPOINT_URL and AWS_PROFILE"
        ) from None
    for operation in ("GetObject", "HeadObject", "PutObject"):
        made.meta.events.register(f"after-call.s3.{operation}", _check_tagged)
    made.meta.events.register_last("before-call.s3", _unasked)  # which adds Expect itself
    return made


def _unasked(model: Any, params: dict[str, Any], **_: Any) -> None:
    """Send a small body with its head: to ask first whether it is wanted takes as long again."""
    if model.name == "PutObject":
        params["headers"].pop("Expect", None)


def _check_tagged(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Notice what is no S3: a web site answers every request too, but with no ETag."""
    if http_response.status_code < 300 and "ETag" not in parsed:
        raise OSError("what answers there is not S3")


def _why(error: Exception) -> str:
    """What happened, and what to do about it; empty for an error that is not of the server's."""
    theirs = any(kind.__module__.partition(".")[0] in _THEIRS for kind in type(error).__mro__)
    if not theirs and not isinstance(error, OSError):
        return ""
    # An upload in parts raises an error of its own while it handles the server's answer.
    answer = error if code(error) else error.__context__
    if found := code(answer):
        said = getattr(answer, "response", {})["Error"].get("Message") or found
        return f"({_line(said)}); {_REMEDIES.get(found, _REMEDY)}"
    return (
        f"({_line(error)}); check that the server can be reached, AWS_ENDPOINT_URL, and the "
        "credentials"
    )


def _line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
