"""The command beside a scripted daemon."""

from tests.fakes.command import control, root, run

__all__ = ["control", "root", "run"]
