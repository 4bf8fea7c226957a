"""A journal on a real SQLite file."""

from pathlib import Path

import pytest

from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from tests.fakes.journal import Ticking


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def database(path: Path) -> Database:
    return Database(path)


@pytest.fixture
def deploys(database: Database) -> Deploys:
    return Deploys(database, Ticking())


@pytest.fixture
def releases(database: Database) -> Releases:
    return Releases(database, Ticking())
