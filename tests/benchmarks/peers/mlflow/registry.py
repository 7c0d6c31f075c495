"""The same in MLflow: versions created, and an alias moved from one to another and back.

    python registry.py VERSIONS MOVES

Prints JSON: CPU seconds of all VERSIONS creations, and of MOVES moves there and back.
"""

from __future__ import annotations

import json
import sys
import time

from mlflow import MlflowClient

VERSIONS, MOVES = int(sys.argv[1]), int(sys.argv[2])
TAGS = {f"metric_{n}": "0.5" for n in range(10)}

client = MlflowClient(tracking_uri="sqlite:///mlflow.db", registry_uri="sqlite:///mlflow.db")
client.create_registered_model("m")
client.create_model_version("m", "file:///tmp/m", tags=TAGS)
client.set_registered_model_alias("m", "production", "1")
begun = time.process_time()
for _ in range(VERSIONS):
    client.create_model_version("m", "file:///tmp/m", tags=TAGS)
taken = {"register": time.process_time() - begun, "promote": 0.0, "rollback": 0.0}
for number in range(2, MOVES + 2):
    for act, version in (("promote", number), ("rollback", 1)):
        begun = time.process_time()
        client.set_registered_model_alias("m", "production", str(version))
        taken[act] += time.process_time() - begun
sys.stdout.write(json.dumps(taken))
