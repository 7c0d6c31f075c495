"""Whose turn it is to work on a recipe: one run does, others wait and ask for its answer.

Nobody who holds a recipe waits for another one, so nobody waits for ever.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .active import ActiveRun
from .errors import SettingsError, StoreError
from .records import Caller

if TYPE_CHECKING:
    from .graph.leases import Held
    from .workspace import Workspace

log = logging.getLogger("begat")

#: Seconds between two questions: the first, the longest, and how much longer each is.
FIRST, LONGEST, LONGER = 0.05, 1.0, 1.5

_over = threading.Condition()


def wait(seconds: float) -> None:
    """Wait so long, or until a run of this process is over."""
    with _over:
        _over.wait(seconds)


def over() -> None:
    """Let those ask again who wait in this process."""
    with _over:
        _over.notify_all()


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """The question of one attempt, who works on its recipe."""

    space: Workspace
    caller: Caller
    #: The run that it was called in.
    outer: ActiveRun
    recipe: str

    def waited(self) -> Iterator[float]:
        """Seconds to wait before each further look, until nobody works on the recipe.

        A holder that died is closed. If the store goes away, nobody is waited for.
        """
        seconds = FIRST
        waits_for = ""
        while (held := self._holder()) is not None:
            if not held.is_live:
                self.space.look_after()
                return
            if held.run_id != waits_for:
                waits_for = held.run_id
                log.info("%s waits for run %s, which does it", self.caller.run.job, waits_for)
            yield seconds
            seconds = min(seconds * LONGER, LONGEST)

    def may_wait(self) -> bool:
        """Whether it may: nobody who works on another recipe waits for this attempt's end."""
        if self.outer.holds or self.caller.nested:
            return False
        above = {ref.run_id for ref in (self.caller.parent, self.caller.root) if ref is not None}
        from .graph import leases

        try:
            return not leases.is_held_above(self.space.store, above)
        except (StoreError, SettingsError):
            return False

    def _holder(self) -> Held | None:
        from .graph import leases

        if self.space.away:
            return None
        try:
            return leases.holder(self.space.store, self.recipe)
        except (StoreError, SettingsError):
            return None
