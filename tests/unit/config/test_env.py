"""Environment variables: any value comes back as it was, names of deployhost's own are refused, nothing is shown by accident."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.config.env import EnvEntry, EnvStore, revealed
from deployhost.errors import InvalidConfig, InvalidRequest
from deployhost.model import AppName, EnvName, Secret
from deployhost.paths import Paths

HELLO, BLOG = AppName("hello"), AppName("hello-blog")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
A, B = EnvName("A"), EnvName("B")


@pytest.fixture
def store(tmp_path: Path) -> EnvStore:
    return EnvStore(Paths(tmp_path))


def test_set_read_unset_remove(store: EnvStore, tmp_path: Path) -> None:
    assert store.read(HELLO) == {}
    assert store.set(HELLO, {B: "", A: "x\ny"}, NOW) == (B, A)
    assert store.set(HELLO, {A: "x\ny", B: "ü"}, NOW + timedelta(days=1)) == (B,)
    assert store.entries(HELLO) == (
        EnvEntry(A, Secret("x\ny"), "2026-01-02T03:04:05.678Z"),
        EnvEntry(B, Secret("ü"), "2026-01-03T03:04:05.678Z"),
    )
    assert store.read(BLOG) == {}
    assert store.unset(HELLO, [A, EnvName("NEVER"), A]) == (A,)
    assert revealed(store.read(HELLO)) == {B: "ü"}
    assert store.remove(HELLO) is True
    assert store.remove(HELLO) is False
    assert store.read(HELLO) == {}
    assert [file.name for file in Paths(tmp_path).secrets.iterdir()] == [".lock"]


def test_only_root_may_read(store: EnvStore, tmp_path: Path) -> None:
    secrets = Paths(tmp_path).secrets
    secrets.mkdir(parents=True, mode=0o755)
    store.set(HELLO, {A: "1"}, NOW)
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {0o600}


def test_the_time_is_kept_in_utc(store: EnvStore) -> None:
    store.set(HELLO, {A: "1"}, NOW.astimezone(timezone(timedelta(hours=5))))
    assert store.entries(HELLO)[0].updated_at == "2026-01-02T03:04:05.678Z"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "1", "set `port:` in apps.yml"),
        ("KAMAL_VERSION", "1", "reserved"),
        ("DEPLOYHOST_X", "1", "reserved"),
        ("deployhost_x", "1", "reserved"),
        ("A", "a\0b", "NUL"),
        ("A", "\udcff", "UTF-8"),
        ("A", "x" * 131070, "too long"),
    ],
)
def test_what_can_not_be_set(store: EnvStore, name: str, value: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as caught:
        store.set(HELLO, {B: "fine", EnvName(name): value}, NOW)
    assert value == "1" or value not in str(caught.value)
    assert store.read(HELLO) == {}


def test_the_longest_value_fits(store: EnvStore) -> None:
    assert store.set(HELLO, {A: "x" * 131069, EnvName("PORT_2"): "1"}, NOW) == (A, "PORT_2")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"A": "x"}', '{"A": {"value": 1, "updated_at": ""}}', '{"A-B": {}}', "\xff"]
)
def test_a_damaged_file_is_an_error_and_stays(store: EnvStore, tmp_path: Path, text: str) -> None:
    path = Paths(tmp_path).secrets / "hello.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InvalidConfig):
        store.read(HELLO)
    with pytest.raises(InvalidConfig):
        store.set(HELLO, {A: "1"}, NOW)
    assert path.read_text(encoding="latin-1") == text


def test_a_damaged_file_is_not_quoted(store: EnvStore, tmp_path: Path) -> None:
    path = Paths(tmp_path).secrets / "hello.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"A": {"value": "hunter2", "updated_at": ""}, "hunter2 ": {"value": "", "updated_at": ""}}')
    with pytest.raises(InvalidConfig) as caught:
        store.read(HELLO)
    assert "hunter2" not in repr((caught.value.to_json(), caught.value.__cause__))


def test_values_do_not_show_themselves(store: EnvStore) -> None:
    store.set(HELLO, {A: "hunter2"}, NOW)
    assert "hunter2" not in repr((store.read(HELLO), store.entries(HELLO)))


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


@settings(max_examples=40, deadline=None)
@given(values=st.dictionaries(st.sampled_from(["A", "b_2", "_X"]).map(EnvName), VALUES))
def test_any_value_comes_back(tmp_path_factory: pytest.TempPathFactory, values: dict[EnvName, str]) -> None:
    store = EnvStore(Paths(tmp_path_factory.mktemp("env")))
    store.set(HELLO, values, NOW)
    assert revealed(store.read(HELLO)) == values
    assert all(type(name) is str for name in store.read(HELLO))
