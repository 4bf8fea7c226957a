"""A journal on a real SQLite file, as in tests/unit."""

from tests.unit.journal.conftest import database, deploys, path

__all__ = ["database", "deploys", "path"]
