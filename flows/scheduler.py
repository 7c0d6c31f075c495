"""A Dask scheduler elsewhere, which may be away."""

from __future__ import annotations

from prefect_dask.client import PrefectDaskClient
from prefect_dask.task_runners import DaskTaskRunner

from begat.lineage.errors import WorldError


class Scheduler(DaskTaskRunner):
    """Runs tasks on the workers of a scheduler that is running already."""

    @property
    def client(self) -> PrefectDaskClient:
        """Connects when the first task runs; Dask tries for its `distributed.comm.timeouts`.

        Raises:
            WorldError: nothing answers at the address.
        """
        try:
            return super().client
        except OSError as error:
            raise WorldError(
                f"no Dask scheduler answers at {self.address} ({error}); start it, or name "
                "another one with --runner dask:ADDRESS"
            ) from error
