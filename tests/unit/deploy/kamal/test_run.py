"""One run of Kamal's CLI: what it is given, what of its output is told, and what becomes of one that takes too long."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.containers.attempt import Attempt
from deployhost.deploy.kamal import run as module
from deployhost.deploy.kamal.run import KEPT, KamalProgram
from deployhost.errors import CommandTimedOut, DeployFailed
from deployhost.kamal.project import Project
from deployhost.model import Version
from deployhost.paths import Paths
from deployhost.system.process import Completed
from tests.fakes.assembled import sha

V1, V2 = Version(sha(1)), Version(sha(2))


class Kamal:
    """Kamal's program, which writes these lines and ends with this code."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths, self.told = Paths(tmp_path), list[str]()
        self.program = KamalProgram(self.paths)
        self.writes: Sequence[str] = ()
        self.code = 0
        self.asked: dict[str, Any] = {}
        self.attempt = cast("Attempt", SimpleNamespace(version=V1, progress=SimpleNamespace(output=self.told.append)))
        monkeypatch.setattr(module, "run", self._run)

    def run(self, command: Sequence[str] = ("deploy",), **named: Any) -> tuple[int, list[str]]:
        project = Project(self.paths.kamal_projects / "shop", V1, 8080)
        return self.program.run(self.attempt, project, command, timeout=9.0, **named)

    def _run(self, argv: list[str], *, on_line: Callable[[str], None], env: dict[str, str], **named: Any) -> Completed:
        self.asked = {"argv": argv, "env": env, "temporary": Path(env["TMPDIR"]).is_dir(), **named}
        for line in self.writes:
            on_line(line)
        if self.code == 124:
            raise CommandTimedOut("kamal did not end in time", details=("the last line",))
        return Completed(self.code, "", "")


@pytest.fixture
def kamal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kamal:
    return Kamal(tmp_path, monkeypatch)


def test_it_runs_in_the_project_and_is_told_that_it_holds_the_lock(kamal: Kamal) -> None:
    assert kamal.run(["app", "boot"], version=V2) == (0, [])
    asked, env = kamal.asked, kamal.asked["env"]
    assert asked["argv"] == [str(kamal.paths.kamal_program), "app", "boot"]
    assert (asked["cwd"], asked["timeout"], asked["check"]) == (kamal.paths.kamal_projects / "shop", 9.0, False)
    assert (env["KAMAL_LOCK"], env["VERSION"], env["DOCKER_CONFIG"]) == ("true", V2, str(kamal.paths.docker_config))
    kamal.run()
    assert kamal.asked["env"]["VERSION"] == V1, "the attempt's own"


def test_its_temporary_files_go_with_it(kamal: Kamal) -> None:
    kamal.run()
    assert kamal.asked["temporary"]
    assert list(kamal.paths.kamal_temporary.iterdir()) == []


def test_its_output_is_told_but_for_what_says_that_all_is_well(kamal: Kamal) -> None:
    looks: list[int] = []
    kamal.code = 1
    kamal.writes = ("  INFO Pulling image", "fatal: not a git repository", *map(str, range(KEPT)))
    code, lines = kamal.run(look=lambda: looks.append(1))
    assert (code, lines) == (1, [str(number) for number in range(KEPT)])
    assert kamal.told[:2] == ["Pulling image", "0"]
    assert len(looks) == len(kamal.writes) + 1, "once more at its end"


def test_one_that_takes_too_long_fails_the_deploy(kamal: Kamal) -> None:
    kamal.code = 124
    with pytest.raises(DeployFailed, match="Kamal did not end within 9 s") as caught:
        kamal.run()
    assert caught.value.details == ("the last line",)
