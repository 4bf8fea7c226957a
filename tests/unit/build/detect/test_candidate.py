"""What a detector says, as it is shown."""

import pytest

from deployhost.build.detect.candidate import Reason, Start, Strength


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (Reason("a default"), "a default"),
        (Reason("flask is imported", "app.py"), "flask is imported (app.py)"),
        (Reason("flask is imported", "app.py", 3), "flask is imported (app.py:3)"),
    ],
)
def test_reason(reason: Reason, shown: str) -> None:
    assert str(reason) == shown
    assert Reason(**reason.to_json()) == reason


@pytest.mark.parametrize(
    ("argv", "shell", "shown"),
    [
        (("node", "server.js"), None, "node server.js"),
        (("/bin/sh", "-c", "exec x $PORT"), "exec x $PORT", "exec x $PORT"),
        (("/bin/sh", "-c", "x", "y"), None, "/bin/sh -c x y"),
    ],
)
def test_start(argv: tuple[str, ...], shell: str | None, shown: str) -> None:
    assert (Start(argv).shell, str(Start(argv))) == (shell, shown)


def test_a_server_is_stronger_than_files() -> None:
    assert sorted(Strength) == [Strength.GUESS, Strength.FILES, Strength.SITE, Strength.SERVER]
