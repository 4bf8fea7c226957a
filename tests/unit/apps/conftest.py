"""The daemon's operations on a server of fakes."""

from tests.unit.daemon.conftest import ops, server

__all__ = ["ops", "server"]
