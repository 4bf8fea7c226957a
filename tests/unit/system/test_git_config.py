"""A config file read without git says what git says, or says nothing."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.model import Branch
from deployhost.system import git, process
from deployhost.system.git import BareRepository
from deployhost.system.git_config import lines, plain_values

SETTINGS = {"receive.procReceiveRefs": "refs", "receive.denyDeletes": "false", "gc.auto": "500"}


def test_what_git_writes() -> None:
    text = (
        '[core]\n\tbare = true\n[receive]\n\tprocReceiveRefs = refs\n\n[remote "a/B"]\n\turl = /srv/x.git\n# a word\n'
    )
    expected = {"core.bare": ["true"], "receive.procreceiverefs": ["refs"], "remote.a/B.url": ["/srv/x.git"]}
    assert plain_values(text) == expected
    assert plain_values(lines(SETTINGS)) == {name.lower(): [value] for name, value in SETTINGS.items()}
    assert plain_values("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "[include]\n\tpath = other",
        '[includeIf "gitdir:/"]\n\tpath = other',
        '[gc]\n\tauto = "500"',
        "[gc]\n\tauto = 50\\\n0",
        "[gc]\n\tauto = 500 # or so",
        "[gc]\n\tauto",
        "[gc] auto = 500",
        "auto = 500",
        '[remote "a\\"b"]\n\turl = x',
    ],
)
def test_what_only_git_can_say(text: str) -> None:
    assert plain_values(text) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["gc", "Receive", 'remote "x"']), st.sampled_from(["auto", "denyDeletes"]), st.text(
            alphabet='abz019 /.-_:"\\#;=', max_size=6)),
        max_size=4,
    )
)  # fmt: skip
def test_git_agrees(tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, str, str]]) -> None:
    text = "".join(f"[{section}]\n\t{key} = {value}\n" for section, key, value in written)
    found = plain_values(text)
    if found is None:
        return
    file = tmp_path_factory.mktemp("config") / "config"
    file.write_text(text)
    listed = subprocess.run(
        ["git", "config", "--file", str(file), "--null", "--list"], capture_output=True, text=True, check=True
    ).stdout
    pairs = [entry.partition("\n") for entry in listed.split("\0") if entry]
    assert found == {name: [value for other, _, value in pairs if other == name] for name, _, _ in pairs}


def test_git_is_started_only_for_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, started = BareRepository(tmp_path / "shop.git"), list[list[str]]()
    real = process.run

    def counted(argv: list[str], **rest: object) -> object:
        started.append(argv)
        return real(argv, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(git, "run", counted)
    repository.create(Branch("main"), SETTINGS)
    assert [argv[1] for argv in started] == ["init"]
    repository.create(Branch("main"), SETTINGS)
    assert len(started) == 1
    with (repository.path / "config").open("a") as config:
        config.write("[gc]\n\tauto = 1\n")  # git takes the last
    repository.create(Branch("main"), SETTINGS)
    assert [argv[2:] for argv in started[1:]] == [["config", "--replace-all", "gc.auto", "500"]]
    repository.create(Branch("main"), SETTINGS)
    assert len(started) == 2


def test_what_holds_nothing(tmp_path: Path) -> None:
    repository = BareRepository(tmp_path / "shop.git")
    repository.create(Branch("main"), SETTINGS)
    assert repository.holds_nothing()
    quarantine = repository.path / "objects" / "tmp_objdir-incoming-x"
    quarantine.mkdir()
    assert not repository.holds_nothing(), "a push has begun"
    quarantine.rmdir()
    for written in ("packed-refs", "refs/heads/main", "objects/pack/x.pack", "objects/info/alternates"):
        (repository.path / written).write_text("x")
        assert not repository.holds_nothing(), written
        (repository.path / written).unlink()
    assert repository.holds_nothing()
