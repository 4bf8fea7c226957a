"""A server on fakes, as in tests/unit."""

from tests.unit.conftest import app, daemon, server

__all__ = ["app", "daemon", "server"]
