"""The store's schema through time, as Alembic revisions."""
