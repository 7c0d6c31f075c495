"""Pruning drops what no answer needs, and says beforehand what that is."""

from __future__ import annotations

from pathlib import Path

from begat.lineage.graph.dump import dump
from begat.lineage.graph.prune import prunable, prune
from begat.lineage.graph.store import Store
from support.history import History, digest, train

OLD, NEW = "2020-01-01T00:00:00.000000Z", "2120-01-01T00:00:00.000000Z"


def put(store: Store, table: str, **row: str | None) -> None:
    """Add a row."""
    with store.write() as db:
        values = ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})", row)


def keys(store: Store) -> set[str]:
    """The keys of all rows that may go."""
    with store.read() as db:
        return {
            row[0]
            for query in (
                *("SELECT recipe FROM lease", "SELECT key FROM plan", "SELECT id FROM token"),
                "SELECT digest FROM presence",
            )
            for row in db.execute(query)
        }


def filled(store: Store) -> set[str]:
    """A store with rows that may go, called `old …`, and others; what the others are called."""
    history = History()
    runs = train(history, ["01", "02"])
    store.record(history.events, history.chunks)
    for key, expires in (("old lease", OLD), ("lease", NEW)):
        put(store, "lease", recipe=key, owner="", heartbeat=OLD, expires=expires)
    for key, created in (("old plan", OLD), ("plan", NEW)):
        put(store, "plan", key=key, body="", created_at=created)
    tokens = (
        *(("old revoked", None, OLD), ("old expired", OLD, None)),
        *(("token", None, None), ("revoked", None, NEW), ("expired", NEW, None)),
    )
    for key, expires_at, revoked in tokens:
        about = {"name": "", "digest": key, "scopes": "", "created_at": OLD}
        put(store, "token", id=key, **about, expires_at=expires_at, revoked_at=revoked)
    model, pinned, listed, manifest = (digest(name) for name in "abcd")
    put(store, "pin", digest=pinned, ref="", pinned_by="", pinned_at="")
    put(store, "file", manifest=manifest, name="", size="1", digest=listed)
    about = dict.fromkeys(("recipe", "run_id", "training_run_id", "registered_by"), "")
    put(
        store,
        "model_version",
        model="m",
        version="1",
        digest=model,
        **about,
        created_at="",
        body="",
    )
    read = runs["train"].outputs[0].digest
    needed = {read, model, pinned, listed, manifest}
    for key in (*needed, "old note"):
        put(store, "presence", digest=key, state="lost", noted_at=OLD)
    put(store, "presence", digest="note", state="lost", noted_at=NEW)
    return needed | {"lease", "plan", "token", "revoked", "expired", "note"}


def test_only_what_no_answer_needs(store: Store) -> None:
    """What is old and of no use goes, as was said; the rest stays, and so does the graph."""
    stays = filled(store)
    before, goes = dump(store), {key for key in keys(store) if key.startswith("old ")}
    told = prunable(store, days=30)
    unchanged = keys(store)
    done = prune(store, days=30)

    assert (unchanged, told, keys(store)) == (stays | goes, done, stays)
    assert sum(done.values()) == len(goes)
    assert dump(store) == before
    assert set(prune(store, days=30).values()) == {0}


def test_days_are_kept(store: Store) -> None:
    """What is younger than the days that are asked for stays, but for leases that ran out."""
    stays = filled(store)
    prune(store, days=36500)

    assert keys(store) - stays == {"old plan", "old revoked", "old expired", "old note"}


def test_the_last_tokens_stay(store: Store) -> None:
    """Where no token opens anything, those that did stay: without any a server would be open."""
    for key in ("one", "other"):
        about = {"name": "", "digest": key, "scopes": "", "created_at": OLD, "revoked_at": OLD}
        put(store, "token", id=key, **about)
    prune(store, days=30)

    assert keys(store) == {"one", "other"}


def test_space_is_given_back(tmp_path: Path) -> None:
    """A store that has lost much takes less afterwards, and is what it was."""
    path = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{path}")
    for number in range(300):
        put(store, "plan", key=str(number), body="x" * 10_000, created_at=OLD)
    store.record(History().task("step").events)
    before, large = dump(store), store.size()
    prune(store, days=1)
    store.compact()
    small, graph = store.size(), dump(store)
    store.close()

    assert (large > 3_000_000, small < 1_000_000, graph) == (True, True, before)
    assert path.stat().st_size == small
