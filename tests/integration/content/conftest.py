"""An S3 server for those tests that ask for one."""

from __future__ import annotations

from support.seaweed import s3, seaweed

__all__ = ["s3", "seaweed"]
