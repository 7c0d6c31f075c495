"""Flows bound to blocks: their runs work with what the blocks say.

The blocks are named by a hook among the flow's own, so that they go wherever it goes: to its
copies (`with_options`), to workers, and to the process that handles its crash.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from begat.lineage.errors import SettingsError

from . import blocks as kinds

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.blocks.core import Block
    from prefect.client.schemas.objects import FlowRun, State


@dataclass(frozen=True)
class Binding:
    """A hook of a flow that only names the blocks its runs work with."""

    #: Prefect names hooks in its log.
    __name__: ClassVar[str] = "binding"

    blocks: tuple[Block | str, ...]

    def __call__(self, flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
        """Nothing: whoever tells of the flow run enters first."""


_lock = threading.Lock()
#: What this process works with, and how it gets back to what it worked with before.
_bound: Binding | None = None
_back = ExitStack()


def bind(flow: Flow[..., Any], blocks: Sequence[Block | str]) -> None:
    """Let the flow's runs work with what the blocks say.

    Args:
        flow: gets a hook; an earlier binding is replaced.
        blocks: of begat's, or their names: `begat-store/production`.

    Raises:
        SettingsError: one is no block of begat's.
    """
    for block in blocks:
        kinds.check(block)
    others = [hook for hook in flow.on_running_hooks if not isinstance(hook, Binding)]
    flow.on_running_hooks = [Binding(tuple(blocks)), *others]  # type: ignore[list-item]  # its __name__ is the class's


def enter(flow: Flow[..., Any], *, busy: bool = False) -> None:
    """Work with the flow's blocks, if it has any and this process does not yet.

    Args:
        flow: whose run is told of or worked for.
        busy: whether other flow runs are at work in this process, with what it has now.

    Raises:
        SettingsError: a block cannot be loaded, or the process is busy with others.
    """
    global _bound, _back
    wanted = binding_of(flow)
    if wanted is None or wanted == _bound:
        return
    with _lock:
        if wanted == _bound:
            return
        if busy:
            raise SettingsError(
                f"flow {flow.name} names other blocks than the flow run at work in this process; "
                "give both the same, or run them in processes of their own"
            )
        with ExitStack() as stack:
            stack.enter_context(kinds.use(*wanted.blocks))
            _back.close()
            _bound, _back = wanted, stack.pop_all()


def binding_of(flow: Flow[..., Any]) -> Binding | None:
    """What names the flow's blocks; none where it has none."""
    return next((hook for hook in flow.on_running_hooks if isinstance(hook, Binding)), None)


def leave() -> None:
    """Work again with what this process worked with before."""
    global _bound  # noqa: PLW0603 - one store a process is the point
    with _lock:
        _bound = None
        _back.close()
