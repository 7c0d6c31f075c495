"""The errors begat raises, and whose fault each one is.

    BegatError
    ├── UserError                 what was asked cannot be done as asked (exit code 2)
    │   ├── SettingsError         a BEGAT_* variable or [tool.begat] entry
    │   ├── PipelineError         a pipeline's definition
    │   ├── ParameterError        a value given to a command, a task or an estimator
    │   ├── DataError             a source, a partition, a file's content
    │   │   ├── ExpectationError  data that its own expectations refuse
    │   │   └── SignatureError    rows that a model does not take
    │   ├── RecipeError           something that determines an output and cannot be digested
    │   ├── EventError            an event, or a value in one, that JSON cannot say exactly
    │   ├── UntrustedModelError   a model file that holds types nobody reviewed
    │   ├── RefError              a reference that names nothing, or too much
    │   └── RefusedError          an act on the registry that its rules do not allow
    │       └── GateError         a model version that a gate refuses
    └── WorldError                the machine did not do its part (exit code 1)
        ├── StoreError            the lineage store is away, locked or too old (exit code 3)
        └── ArtifactError         bytes that should be in the artifact store and are not
            ├── CollectedError     they were collected or purged, and nobody lost them
            └── CorruptArtifactError  they are there, and are not those bytes

A message is one line that names the thing, what was expected, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class BegatError(Exception):
    """Something begat cannot go on from; the message says what to do about it."""

    #: What a command that ends with this error returns to the shell.
    exit_code: ClassVar[int] = 1


class UserError(BegatError):
    """What was asked cannot be done as asked: change the request and try again."""

    exit_code = 2


class SettingsError(UserError):
    """A setting is malformed or names something that cannot be used."""


class PipelineError(UserError):
    """A pipeline cannot be found, or its definition cannot work."""


class ParameterError(UserError):
    """A parameter is unknown, or its value is of the wrong type."""


class DataError(UserError):
    """A source, a partition or a file's content is not what the pipeline needs."""


class ExpectationError(DataError):
    """A partition failed an expectation of severity critical and was refused."""


class SignatureError(DataError):
    """Rows are not what a model's signature says; nothing was predicted.

    Args:
        message: what is wrong.
        violations: every value that is, as `begat.lineage.registry.prediction.Violation`; none
            where columns are missing.
    """

    def __init__(self, message: str, violations: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations)


class RecipeError(UserError):
    """A value determines a task's output and has no digest that would tell when it changes."""


class EventError(UserError):
    """An event is not JSON, or holds a value that JSON cannot say exactly."""


class UntrustedModelError(UserError):
    """A model file holds types outside the reviewed list and was not loaded."""


class RefError(UserError):
    """A reference names nothing, or more than one thing."""


class RefusedError(UserError):
    """The registry's rules do not allow this act; nothing changed."""


class GateError(RefusedError):
    """A gate refuses a model version; nothing changed."""


class WorldError(BegatError):
    """The machine did not do its part: disk, database or network."""


class StoreError(WorldError):
    """The lineage store cannot be reached, is locked, or has another schema."""

    exit_code = 3


class ArtifactError(WorldError):
    """An artifact is not in the store, or could not be written to it."""


class CollectedError(ArtifactError):
    """Bytes that `begat gc` has taken: collected as garbage, or purged."""


class CorruptArtifactError(ArtifactError):
    """An artifact's bytes no longer have the digest they are stored under."""
