"""Parts of events that stay as they are, so that what is made of them is made once.

Most of an event was said before: what is installed, the machine, the flow run, and at its
end all that a run said at its start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

T = TypeVar("T")


class Sealed(dict[str, Any]):
    """A JSON object that nobody changes any more, nor anything in it.

    A dictionary like any other to whoever reads it, and to whoever copies it: a copy is none
    of these.
    """

    __slots__ = ("_made",)

    _made: dict[Callable[[Any], Any], Any]

    def derived(self, make: Callable[[Sealed], T]) -> T:
        """What `make` makes of it, made at the first call.

        Raises:
            Exception: whatever `make` raises; it is then asked again the next time.
        """
        try:
            made = self._made
        except AttributeError:
            made = self._made = {}
        if make not in made:
            made[make] = make(self)
        found: T = made[make]
        return found

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Copies and pickles are plain dictionaries, to be changed at will."""
        return dict, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this part of an event is shared with others; change a deep copy")

    if not TYPE_CHECKING:  # a checker would hold them against the dictionary's own
        __setitem__ = __delitem__ = __ior__ = _refuse
        clear = pop = popitem = setdefault = update = _refuse
