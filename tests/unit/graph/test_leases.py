"""Who works on what: leases of two owners, in any order of what they do and of time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.events import ids
from begat.lineage.graph import leases, reaper
from begat.lineage.graph.leases import Lease
from begat.lineage.graph.store import Store
from support.history import History, digest

OWNERS = (ids.new_id(), ids.new_id())
RECIPES = (digest("one"), digest("other"))
#: Far longer than a test takes.
LASTS = 1000.0
STEPS = st.one_of(
    st.tuples(st.sampled_from(["take", "beat", "free"]), st.sampled_from([0, 1]), st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from([400, 700, 1100]), st.just(value=False)),
    st.tuples(st.just("reap"), st.just(0), st.just(value=False)),
)


def lease(run_id: str, recipe: str, *, anew: bool = False) -> Lease:
    return Lease(key=recipe, run_id=run_id, seconds=LASTS, anew=anew)


def take(store: Store, run_id: str, recipe: str, *, anew: bool = False) -> bool:
    """Whether a run gets the lease."""
    return store.record([], lease=lease(run_id, recipe, anew=anew))


def free(store: Store, run_id: str) -> None:
    with store.ingesting() as ingest:
        ingest.free(run_id)


def live(store: Store) -> dict[str, str]:
    """Recipe by run, of those that somebody works on."""
    with store.read() as db:
        return {one.key: one.run_id for one in leases.held(db) if one.is_live}


def later(store: Store, seconds: float) -> None:
    """Let the database's clock be later: what is written there is that much older."""
    with store.write() as db:
        for key, *times in db.execute("SELECT recipe, heartbeat, expires FROM lease").fetchall():
            heartbeat, expires = (
                f"{datetime.fromisoformat(time[:-1]) - timedelta(seconds=seconds)}Z"
                for time in times
            )
            changed = "UPDATE lease SET heartbeat = :heartbeat, expires = :expires"
            given = {"heartbeat": heartbeat.replace(" ", "T"), "expires": expires.replace(" ", "T")}
            db.execute(f"{changed} WHERE recipe = :key", {**given, "key": key})


@dataclass
class Model:
    """What ought to be: who holds what, for how many seconds yet."""

    held: dict[str, tuple[int, float]] = field(default_factory=dict)

    def step(self, store: Store, action: str, number: int, second: bool) -> None:
        """Do the same in the store, and compare."""
        recipe = RECIPES[second]
        if action == "take":
            holder, _ = self.held.get(recipe, (number, 0.0))
            assert take(store, OWNERS[number], recipe) == (holder == number)
            if holder == number:
                self.held[recipe] = (number, LASTS)
        elif action == "beat":
            leases.beat(store, [OWNERS[number]], LASTS)
            self.held = {
                key: (who, LASTS if who == number else left)
                for key, (who, left) in self.held.items()
            }
        elif action == "free":
            free(store, OWNERS[number])
            self.held = {key: found for key, found in self.held.items() if found[0] != number}
        elif action == "pass":
            later(store, number)
            self.held = {key: (who, left - number) for key, (who, left) in self.held.items()}
        else:
            reaper.reap(store)
            self.held = {key: found for key, found in self.held.items() if found[1] > 0}

    @property
    def live(self) -> dict[str, str]:
        """Recipe by run."""
        return {key: OWNERS[who] for key, (who, left) in self.held.items() if left > 0}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(steps=st.lists(STEPS, max_size=25))
def test_no_recipe_has_two_holders(store: Store, steps: list[tuple[str, int, bool]]) -> None:
    """Whatever two runs do, and however late: a lease is had by one that nobody else holds."""
    for owner in OWNERS:
        free(store, owner)
    model = Model()
    for action, number, second in steps:
        model.step(store, action, number, second)

        assert live(store) == model.live


def test_what_has_run_out_is_taken_over(store: Store) -> None:
    """A lease is refused until it has run out and was taken back, and then anybody's."""
    one, other = OWNERS
    taken = [take(store, one, RECIPES[0]), take(store, other, RECIPES[0])]
    later(store, LASTS - 1)
    reaper.reap(store)
    taken.append(take(store, other, RECIPES[0]))
    later(store, 2)
    reaper.reap(store)
    taken.append(take(store, other, RECIPES[0]))

    assert taken == [True, False, False, True]
    assert live(store) == {RECIPES[0]: other}


def test_a_late_sign_of_life_takes_nothing_back(store: Store) -> None:
    """Who was held dead, and is heard of again, has lost its lease to the next one."""
    one, other = OWNERS
    take(store, one, RECIPES[0])
    later(store, LASTS + 1)
    reaper.reap(store)
    take(store, other, RECIPES[0])

    assert leases.beat(store, [one], LASTS) == 0
    free(store, one)
    assert live(store) == {RECIPES[0]: other}


def test_what_is_answered_is_not_begun(store: Store, history: History) -> None:
    """Who asked just before the answer came gets no lease, unless the answer is of no use."""
    history.task("step", recipe=RECIPES[0])
    store.record(history.events)

    assert not take(store, OWNERS[0], RECIPES[0])
    assert take(store, OWNERS[0], RECIPES[0], anew=True)


@pytest.mark.parametrize("end", ["COMPLETE", "FAIL", "ABORT"])
def test_an_end_gives_back_the_lease(store: Store, history: History, end: str) -> None:
    """What a run held is anybody's in the moment in which its end is stored."""
    run = history.task("step", recipe=RECIPES[1], end=end)
    start, last = run.events
    store.record([start], lease=lease(run.run_id, RECIPES[0]))
    during = live(store)
    store.record([last])

    assert (during, live(store)) == ({RECIPES[0]: run.run_id}, {})


def test_a_refused_lease_stores_nothing(store: Store, history: History) -> None:
    """The START of a run that cannot have its lease is not stored."""
    take(store, OWNERS[0], RECIPES[0])
    run = history.task("step", recipe=RECIPES[0])
    refused = store.record(run.events[:1], lease=lease(run.run_id, RECIPES[0]))
    with store.read() as db:
        [stored] = db.execute("SELECT COUNT(*) FROM event").fetchone()

    assert (refused, stored) == (False, 0)


def test_a_process_that_is_gone(store: Store) -> None:
    """A process of this machine that has ended holds nothing, however long its lease lasts."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    take(store, OWNERS[0], RECIPES[0])
    [here] = [one.process for one in held(store)]
    place = here.rpartition(":")[0]

    assert here == f"{place}:{os.getpid()}"
    assert leases.is_gone(f"{place}:{ended.pid}")
    assert not leases.is_gone(here)
    assert not leases.is_gone(f"elsewhere:{ended.pid}")
    assert not leases.is_gone("")


def held(store: Store) -> list[leases.Held]:
    with store.read() as db:
        return leases.held(db)


def test_who_stands_above(store: Store, history: History) -> None:
    """A flow that was started inside a task that holds its recipe is told so; no other is."""
    flow = history.flow_run()
    outer = history.task("step", recipe=RECIPES[0], parent=flow)
    inner = history.flow_run()
    inside = history.task("inner", recipe=RECIPES[1], parent=outer)
    store.record([*flow.events[:1], *inner.events[:1], *inside.events[:1]])
    store.record(outer.events[:1], lease=lease(outer.run_id, RECIPES[0]))

    assert leases.is_held_above(store, [outer.run_id])
    assert leases.is_held_above(store, [inside.run_id])
    assert not leases.is_held_above(store, [flow.run_id, inner.run_id])
    assert not leases.is_held_above(store, [])
