"""What Alembic runs around every migration: on the connection that it was handed."""

from __future__ import annotations

from alembic import context

from begat.lineage.graph.tables import metadata


def run() -> None:
    """Migrate inside the transaction that the caller has begun."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
    )
    context.run_migrations()


# Alembic loads this file under this name; an import of it does nothing.
if __name__ == "env_py":
    run()
