"""What Kamal's arguments are about: which commands take its lock, which build."""

import pytest

from deployhost.kamal import command


@pytest.mark.parametrize(
    ("arguments", "words", "locks", "builds"),
    [
        ("deploy", ("deploy",), True, True),
        ("deploy -P", ("deploy",), True, False),
        ("redeploy --skip-push", ("redeploy",), True, False),
        ("-v redeploy", ("redeploy",), True, True),
        ("rollback 1a2b", ("rollback", "1a2b"), True, False),
        ("-d staging rollback 1a2b", ("rollback", "1a2b"), True, False),
        ("--version 1a2b app boot", ("app", "boot"), True, False),
        ("-q -h 127.0.0.1 -r web app details", ("app", "details"), False, False),
        ("app logs -f", ("app", "logs"), False, False),
        ("app exec --reuse deploy", ("app", "exec", "deploy"), False, False),
        ("app stop", ("app", "stop"), True, False),
        ("build push", ("build", "push"), False, True),
        ("build details", ("build", "details"), False, False),
        ("prune all", ("prune", "all"), True, False),
        ("proxy reboot -y", ("proxy", "reboot"), True, False),
        ("lock release", ("lock", "release"), False, False),
        ("lock acquire -m mine", ("lock", "acquire", "mine"), False, False),
        ("version", ("version",), False, False),
        ("--help", (), False, False),
        ("", (), False, False),
    ],
)
def test_commands(arguments: str, words: tuple[str, ...], locks: bool, builds: bool) -> None:
    given = arguments.split()
    assert command.words(given) == words
    assert (command.locks(given), command.builds(given)) == (locks, builds)


@pytest.mark.parametrize(
    ("arguments", "deploys"),
    [
        *((one, True) for one in ("deploy -P", "redeploy", "rollback 1a2b", "setup", "app boot", "-r web app boot")),
        *((one, False) for one in ("app stop", "app start", "app details", "proxy boot", "prune all", "lock release")),
    ],
)
def test_what_starts_new_containers(arguments: str, deploys: bool) -> None:
    assert command.deploys(arguments.split()) == deploys
