"""Listings: what is there now, whatever notifications said."""

from __future__ import annotations

from collections.abc import Sequence

from ..content.s3.client import Address
from ..content.s3.objects import Object, head
from ..content.s3.objects import listing as objects
from ..content.stat import StatCache
from ..errors import WorldError
from ..graph.facts import normalised
from ..graph.store import Store
from . import folder, ledger
from .ledger import Recorded
from .messages import etag
from .notice import Notice
from .watched import Watched, matched


def reconcile(store: Store, watched: Sequence[Watched], cache: StatCache, *, now: str) -> Recorded:
    """Record what is there and not known, some at a time: others write meanwhile.

    Args:
        store: where it would be known.
        watched: what is listed.
        cache: knows digests of local files.
        now: the time.

    Raises:
        StoreError: the store failed; what was recorded before stays.
        DataError: a local folder cannot be listed.
        WorldError: a bucket cannot be listed.
    """
    total = Recorded()
    for one in watched:
        there = _in_bucket(one) if one.in_s3 else folder.listing(one, cache)
        found = ledger.missed(store, matched(there, [one]))
        for start in range(0, len(found), ledger.AT_ONCE):
            some = found[start : start + ledger.AT_ONCE]
            total += ledger.record(store, some, told_by="listing", now=now)
    return total


def _in_bucket(watched: Watched) -> list[Notice]:
    address = Address.parse(watched.pattern.path)
    if not watched.pattern.varies:
        one = head(address, WorldError)
        return [] if one is None else [_notice(one)]
    prefix = Address.parse(watched.pattern.prefix).key
    return [_notice(one) for one in objects(address.bucket, prefix, kind=WorldError)]


def _notice(one: Object) -> Notice:
    return Notice(
        namespace=f"s3://{one.address.bucket}",
        key=one.address.key,
        digest=etag(one.etag),
        size=one.size,
        happened=normalised(one.modified),
    )
