"""Whom the kernel kills first where memory is short."""

from deployhost.errors import CommandMissing, CommandTimedOut
from deployhost.system import process


def may_be_lowered(score: int) -> bool:
    """Return whether root may have a process killed later than others: not without CAP_SYS_RESOURCE, as in many containers."""
    try:
        return process.run(["choom", f"--adjust={score}", "--", "true"], timeout=10, check=False).code == 0
    except (CommandMissing, CommandTimedOut):
        return False
