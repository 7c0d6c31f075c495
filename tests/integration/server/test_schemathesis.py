"""Whatever the description of the routes allows or not, the answers are as described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from support.server import serving

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
SETTINGS = hypothesis.settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def test_answers_are_as_described(tmp_path: Path) -> None:
    """Requests made up from the description, good and bad, are never an error of the server's."""
    with serving(tmp_path) as server:
        described = schemathesis.openapi.from_url(f"{server.base}/openapi.json")
        operations = [one.ok() for one in described.get_all_operations()]
        for operation in operations:
            takes = operation.body or operation.query or operation.path_parameters
            for mode in schemathesis.GenerationMode if takes else ():

                @SETTINGS
                @hypothesis.given(operation.as_strategy(generation_mode=mode))
                def ask(case: Any) -> None:
                    case.call_and_validate(checks=CHECKS)

                ask()
            if not takes:  # there is nothing to make up
                operation.Case().call_and_validate(checks=CHECKS)
    assert len(operations) > 5
