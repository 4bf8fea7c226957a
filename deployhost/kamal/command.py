"""What an invocation of Kamal's CLI is about, told from its arguments. Pure. Checked against Kamal 2.11 (lib/kamal/cli/)."""

from collections.abc import Sequence

# Class options of lib/kamal/cli/base.rb.
_TAKE_VALUES = frozenset(("--version", "--hosts", "-h", "--roles", "-r", "--config-file", "-c", "--destination", "-d"))
_BUILDING = frozenset(("deploy", "redeploy", "setup", "build push", "build deliver"))
_DEPLOYING = frozenset(("deploy", "redeploy", "rollback", "setup", "app boot"))
_LOCKING = frozenset(
    (
        *("deploy", "redeploy", "rollback", "setup", "remove", "upgrade"),
        *(f"app {verb}" for verb in ("boot", "start", "stop", "remove", "maintenance", "live")),
        *(f"proxy {verb}" for verb in ("boot", "reboot", "start", "stop", "restart", "remove")),
        *(f"prune {verb}" for verb in ("all", "images", "containers")),
    )
)


def words(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return Kamal's command without its options: ("app", "details")."""
    found: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument.startswith("-"):
            skip = not skip and argument in _TAKE_VALUES
        else:
            found.append(argument)
    return tuple(found)


def builds(arguments: Sequence[str]) -> bool:
    """Return whether the command makes a new version: it builds an image."""
    return _is_one_of(arguments, _BUILDING) and "--skip-push" not in arguments and "-P" not in arguments


def deploys(arguments: Sequence[str]) -> bool:
    """Return whether the command starts new containers of the app."""
    return _is_one_of(arguments, _DEPLOYING)


def locks(arguments: Sequence[str]) -> bool:
    """Return whether Kamal itself would take the app's lock for the whole command; one that is not known here takes it itself."""
    return _is_one_of(arguments, _LOCKING)


def _is_one_of(arguments: Sequence[str], commands: frozenset[str]) -> bool:
    found = words(arguments)
    return " ".join(found[:1]) in commands or " ".join(found[:2]) in commands
