"""A server on fakes, as in tests/unit."""

from tests.unit.conftest import app, daemon, deep, server

__all__ = ["app", "daemon", "deep", "server"]
