"""The run around this process, and this run around the processes it starts.

OpenLineage hands a run on in the environment: `OPENLINEAGE_CONTEXT`, a JSON object of
`parent` and `root`, each `{"run": {"runId"}, "job": {"namespace", "name"}}`; before it there
were `OPENLINEAGE_PARENT_ID` and `OPENLINEAGE_ROOT_PARENT_ID`, `namespace/name/runId`.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping

from .active import current
from .errors import EventError
from .events.canonical import canonical
from .records import Caller, RunRef

log = logging.getLogger("begat")

CONTEXT = "OPENLINEAGE_CONTEXT"
#: What came before it.
PARENT_ID, ROOT_PARENT_ID = "OPENLINEAGE_PARENT_ID", "OPENLINEAGE_ROOT_PARENT_ID"

#: Who may know the flow run that the calling code is in, outside its tasks: adapters add theirs.
flow_runs: list[Callable[[], Caller | None]] = []

_told: set[tuple[str, str]] = set()


def outer(environ: Mapping[str, str] | None = None) -> tuple[RunRef | None, RunRef | None]:
    """Parent and root of the flow runs that begin in this process; none for the outermost.

    A variable that is malformed is named in one warning and then counts as unset.

    Args:
        environ: the environment; the process's own by default.
    """
    env = os.environ if environ is None else environ
    parent, root = _read(CONTEXT, env, _from_json)
    if parent is None:
        parent, _ = _read(PARENT_ID, env, _from_id)
        root, _ = _read(ROOT_PARENT_ID, env, _from_id) if parent else (None, None)
    return parent, root or parent


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that belongs to the current run.

    Whatever speaks OpenLineage in it (begat, dbt, …) names this run as its parent. Outside a
    run it is the environment as it is.

    ```python
    subprocess.run(["dbt-ol", "run"], env=begat.lineage.child_environment(), check=True)
    ```

    Args:
        environ: what to add to; the process's own environment by default.
    """
    env = dict(os.environ if environ is None else environ)
    caller = current().caller or next(filter(None, (ask() for ask in flow_runs)), None)
    if caller is None:
        return env
    root = caller.root or caller.parent or caller.run
    env[CONTEXT] = canonical({"parent": _to_json(caller.run), "root": _to_json(root)})
    for name, ref in ((PARENT_ID, caller.run), (ROOT_PARENT_ID, root)):
        # Who reads these cuts at every slash: better no parent there than a wrong one.
        env.pop(name, None)
        if "/" not in ref.namespace + ref.job:
            env[name] = f"{ref.namespace}/{ref.job}/{ref.run_id}"
    return env


def _read(
    name: str,
    env: Mapping[str, str],
    read: Callable[[str], tuple[RunRef | None, RunRef | None]],
) -> tuple[RunRef | None, RunRef | None]:
    text = env.get(name, "").strip()
    if not text:
        return None, None
    try:
        return read(text)
    except (TypeError, KeyError, AttributeError):
        reason = "parent and root have a run with a runId and a job with a namespace and a name"
    except (ValueError, RecursionError, EventError) as error:
        reason = str(error)
    if (name, text) not in _told:
        _told.add((name, text))
        log.warning("%s is malformed (%s); flow runs begin here without a parent", name, reason)
    return None, None


def _from_json(text: str) -> tuple[RunRef | None, RunRef | None]:
    given = json.loads(text)
    if not isinstance(given, dict):
        raise ValueError("it is no JSON object")
    root = given.get("root")
    return _ref(given["parent"]), _ref(root) if root else None


def _from_id(text: str) -> tuple[RunRef | None, RunRef | None]:
    parts = text.rsplit("/", 2)
    if len(parts) < 3:
        raise ValueError("it is namespace/name/runId")
    namespace, job, run_id = parts
    return _checked(run_id, namespace, job), None


def _ref(given: Mapping[str, Mapping[str, str]]) -> RunRef:
    job = given["job"]
    return _checked(given["run"]["runId"], job["namespace"], job["name"])


def _checked(run_id: str, namespace: str, job: str) -> RunRef:
    if not (isinstance(namespace, str) and isinstance(job, str) and namespace and job):
        raise ValueError("a job has a namespace and a name")
    from uuid import UUID

    canonical([namespace, job])
    return RunRef(run_id=str(UUID(run_id)), namespace=namespace, job=job)


def _to_json(ref: RunRef) -> dict[str, dict[str, str]]:
    return {"run": {"runId": ref.run_id}, "job": {"namespace": ref.namespace, "name": ref.job}}
