"""Cloudflare's SDK: got once, whole or not at all; on a dry run it is gone at the end."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from deployhost.edge import sdk
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.sdk import NAME, REQUIREMENT, CloudflareSdk
from deployhost.errors import CommandFailed, ProviderUnavailable
from deployhost.model import Secret
from deployhost.paths import Paths
from tests.unit.edge.test_connect import Recording


class Pip:
    """pip and the trial, as far as the SDK's directory shows it; `fails` is the program that does."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.fails = ""

    def run(self, argv: list[str], *, on_line: Callable[[str], None], **_how: Any) -> None:
        name = "pip" if "pip" in argv else "trial"
        self.started.append(name)
        if name == "pip":
            assert argv[-1] == REQUIREMENT
            (Path(argv[argv.index("--target") + 1]) / "cloudflare").mkdir()
        on_line(name)
        if name == self.fails:
            raise CommandFailed(f"{name} failed", status=1, details=("No matching distribution found",))


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip()
    monkeypatch.setattr(sdk, "run", made.run)
    monkeypatch.setattr(sdk, "_in_our_environment", lambda: False)
    return made


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_it_is_what_the_package_says() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    assert optional["cloudflare"] == [REQUIREMENT]
    assert REQUIREMENT in optional["dev"]
    assert "cloudflare" not in {Requirement(one).name for one in project["dependencies"]}


def test_it_is_got_once(paths: Paths, pip: Pip) -> None:
    lines: list[str] = []
    with CloudflareSdk(paths, lines.append).ready(recorder := Recording(), dry_run=False) as steps:
        assert [step.word for step in steps] == ["ObtainSdk"]
    assert recorder.words == ["ObtainSdk"]
    assert lines == pip.started == ["pip", "trial"]
    again = CloudflareSdk(paths)
    with again.ready(Recording(), dry_run=False) as steps:
        assert steps == ()
        assert again.library() == paths.cloudflare_sdk / NAME
    assert len(pip.started) == 2
    assert (paths.cloudflare_sdk / NAME).stat().st_mode & 0o777 == 0o755


def test_what_was_left_and_what_is_for_another_python_is_deleted(paths: Paths, pip: Pip) -> None:
    for name in ("making-abc", "cpython-310-00000000"):
        (paths.cloudflare_sdk / name / "cloudflare").mkdir(parents=True)
    CloudflareSdk(paths).obtain()
    assert [one.name for one in paths.cloudflare_sdk.iterdir()] == [NAME]


@pytest.mark.parametrize("program", ["pip", "trial"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_where_it_cannot_be_had_nothing_is_left(paths: Paths, pip: Pip, program: str, dry_run: bool) -> None:
    pip.fails = program
    made = CloudflareSdk(paths)
    with (
        pytest.raises(ProviderUnavailable, match="can't be downloaded") as caught,
        made.ready(Recording(), dry_run=dry_run),
    ):
        raise AssertionError
    assert caught.value.details == ("No matching distribution found",)
    assert not list(paths.cloudflare_sdk.glob("*"))
    with pytest.raises(ProviderUnavailable, match="not installed"):
        made.library()


def test_after_a_dry_run_it_is_gone(paths: Paths, pip: Pip) -> None:
    paths.state.mkdir(parents=True)
    made = CloudflareSdk(paths)
    with made.ready(recorder := Recording(), dry_run=True) as steps:
        assert [step.what for step in steps] == ["get Cloudflare's SDK"]
        library = made.library()
        assert library is not None
        assert library.is_dir()
    assert not library.exists()
    assert not list(paths.state.iterdir())
    assert recorder.words == []
    with pytest.raises(ProviderUnavailable):
        made.library()


def test_an_error_of_the_work_itself_is_not_swallowed(paths: Paths, pip: Pip) -> None:
    made = CloudflareSdk(paths)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="of the work"), made.ready(Recording(), dry_run=False):
            raise ProviderUnavailable("of the work")


def test_without_it_a_question_says_what_brings_it(paths: Paths, pip: Pip) -> None:
    def start(_library: Path | None) -> Any:
        raise AssertionError

    with (
        CloudflareAccounts(sdk=CloudflareSdk(paths), start=start).opened(Secret("token")) as account,
        pytest.raises(ProviderUnavailable, match="SDK is not installed") as caught,
    ):
        account.verify()
    assert caught.value.hint == "deployhost setup"


def test_it_comes_after_what_is_ours() -> None:
    argv = sdk.python(Path("/library"), "main")
    assert argv[:2] == [sys.executable, "-I"]
    assert argv[-1].index("/library") > argv[-1].index(str(Path(sdk.__file__).parents[2]))
