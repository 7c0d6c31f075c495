"""What registering, promoting and taking back a model version costs: in begat.

    python registry.py VERSIONS MOVES

Versions have a small model file, a signature and an evaluation in the artifact store. A promotion
is the whole act: files hashed, gates asked, the stage, a sealed row of the log and its event.
Prints JSON: CPU seconds of all VERSIONS registrations, MOVES promotions to Production and MOVES
rollbacks.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from begat.lineage.events import ids
from begat.lineage.registry import register, sign_off, stages
from begat.lineage.registry.identity import Identity
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace

VERSIONS, MOVES = int(sys.argv[1]), int(sys.argv[2])
ANN = Identity(who="ann", kind="user", host="here")


def main() -> None:
    """Do it all once, and say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings(
            home=home,
            store=f"sqlite:///{home}/begat.db",
            artifacts=f"{home}/artifacts",
            policy={"required": []},  # of versions that nobody trained
        )
        space = Workspace(settings)
        files = {
            name: space.artifacts.write(name.encode() * 1000)
            for name in ("model", "signature_digest", "evaluation_digest")
        }
        taken = {"register": 0.0, "promote": 0.0, "rollback": 0.0}
        begun = time.process_time()
        for _ in range(VERSIONS):
            _register(space, files)
        taken["register"] = time.process_time() - begun
        _produce(space, 1)
        for number in range(2, MOVES + 2):
            taken["promote"] += _produce(space, number)
            begun = time.process_time()
            stages.rollback(space, "m", identity=ANN, reason="worse")
            taken["rollback"] += time.process_time() - begun
        space.store.close()
    sys.stdout.write(json.dumps(taken))


def _register(space: Workspace, files: dict[str, str]) -> None:
    register(
        space.store,
        model="m",
        recipe=ids.new_id(),
        run_id=ids.new_id(),
        training_run_id=ids.new_id(),
        digest=files["model"],
        body={"metrics": {f"metric_{n}": 0.5 for n in range(10)}, **files},
    )


def _produce(space: Workspace, number: int) -> float:
    """Take a version to Production; what the last step took."""
    stages.promote(space, f"m@{number}", to="Staging", identity=ANN)
    sign_off.sign(space, f"m@{number}", approve=True, identity=ANN)
    begun = time.process_time()
    stages.promote(space, f"m@{number}", to="Production", identity=ANN)
    return time.process_time() - begun


main()
