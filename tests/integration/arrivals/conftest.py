"""Real servers that tell of objects, and real databases."""

from __future__ import annotations

from support.postgres import postgres
from support.seaweed import s3, seaweed
from support.sqs import ministack_server, moto_server, queues

__all__ = ["ministack_server", "moto_server", "postgres", "queues", "s3", "seaweed"]
