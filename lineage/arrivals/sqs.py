"""Queues of SQS that S3, SNS or EventBridge sends to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import SettingsError, WorldError
from .ledger import ToldBy
from .sources import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = "sqs://"
#: Messages that SQS hands out at once, and seconds that it waits for one, at most.
_AT_ONCE, _LONGEST_POLL = 10, 20
#: What waiting does not mend.
_FOR_GOOD = (
    *("NonExistentQueue", "QueueDoesNotExist", "InvalidAddress", "AccessDenied"),
    *("InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"),
)


class Queue:
    """One queue, read with boto3's own credentials.

    Args:
        name: its name or its URL; `sqs://host/account/name` is `https://host/account/name`.

    Raises:
        SettingsError: boto3 is not installed, or there is no such queue.
        WorldError: it cannot be reached.
    """

    told_by: ToldBy = "sqs"

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = _client()
        #: By which SQS knows it.
        self.url = name
        if name.startswith(SCHEME) and "/" in name.removeprefix(SCHEME):
            self.url = f"https://{name.removeprefix(SCHEME)}"
        elif not urlsplit(name).scheme or name.startswith(SCHEME):
            with self._translated():
                found = self._client.get_queue_url(QueueName=name.removeprefix(SCHEME))
            self.url = found["QueueUrl"]

    def receive(self, timeout: float) -> Sequence[Message]:
        """The next messages, which nobody else gets for as long as the queue is set to."""
        with self._translated():
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=min(_LONGEST_POLL, max(0, round(timeout))),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                body=one.get("Body") or "null",
                handle=one["ReceiptHandle"],
                attempts=int(one.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for one in answer.get("Messages", ())
        ]

    def done(self, messages: Sequence[Message]) -> None:
        """Delete them."""
        self._each("delete_message_batch", messages, {})

    def hold(self, messages: Sequence[Message], seconds: int) -> None:
        """Let them be visible after so many seconds, not earlier or later."""
        self._each("change_message_visibility_batch", messages, {"VisibilityTimeout": seconds})

    def _each(self, call: str, messages: Sequence[Message], more: dict[str, Any]) -> None:
        for start in range(0, len(messages), _AT_ONCE):
            some = messages[start : start + _AT_ONCE]
            entries = [
                {"Id": str(number), "ReceiptHandle": one.handle, **more}
                for number, one in enumerate(some)
            ]
            with self._translated():
                getattr(self._client, call)(QueueUrl=self.url, Entries=entries)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What boto3 raises as an error of begat's."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            about = error.response.get("Error", {})
            code, said = str(about.get("Code", "")), str(about.get("Message") or error)
            line = f"queue {self.name} answers {' '.join(said.split()).rstrip('.')}"
            if any(one in code for one in _FOR_GOOD):
                raise SettingsError(
                    f"{line} ({code}); check its name, the region and the credentials"
                ) from None
            raise WorldError(f"{line} ({code}); it is tried again") from None
        except (BotoCoreError, OSError) as error:
            raise WorldError(
                f"queue {self.name} cannot be read ({' '.join(str(error).split())}); check that it "
                "can be reached, AWS_ENDPOINT_URL, and the credentials"
            ) from None


def _client() -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise SettingsError(
            "boto3 is not installed, which SQS needs; pip install 'path/to/begat[s3]'"
        ) from None
    config = Config(
        retries={"max_attempts": 5, "mode": "standard"},
        connect_timeout=5,
        read_timeout=_LONGEST_POLL + 10,
        tcp_keepalive=True,
    )
    try:
        session = boto3.session.Session()
        return session.client("sqs", region_name=session.region_name or "us-east-1", config=config)
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(
            f"SQS cannot be spoken to ({' '.join(str(error).split())}); check AWS_ENDPOINT_URL and "
            "AWS_PROFILE"
        ) from None
