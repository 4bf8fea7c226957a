"""Asking Cloudflare through a process: its token is nowhere but on its input, and it ends with its piece of work."""

import json
import os
from pathlib import Path

import pytest

from deployhost.edge import asking
from deployhost.edge.asking import CloudflareAccount, CloudflareAccounts, start_asking
from deployhost.edge.cloudflare import MOST_MEMORY
from deployhost.errors import ProviderUnavailable
from deployhost.model import Secret
from deployhost.system.answering_process import AnsweringProcess
from tests.doubles.fixtures import SDK
from tests.doubles.fixtures import CloudflareAccount as AccountOfTheDouble


def process_of(account: object) -> AnsweringProcess:
    assert isinstance(account, CloudflareAccount)
    assert account._process is not None
    return account._process


def test_one_process_for_a_piece_of_work(cloudflare_account: AccountOfTheDouble) -> None:
    token = cloudflare_account.token.value
    with CloudflareAccounts(sdk=SDK).opened(Secret(token)) as account:
        assert account.verify().status == "active"
        pid = process_of(account).pid
        assert account.zones()
        assert process_of(account).pid == pid
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        assert next(line for line in limits if line.startswith("Max data size")).split()[3] == str(MOST_MEMORY)
        for file in ("cmdline", "environ"):
            assert token.encode() not in Path(f"/proc/{pid}/{file}").read_bytes()
    assert not Path(f"/proc/{pid}").exists()


def test_nothing_is_started_before_something_is_asked() -> None:
    def start(_library: Path | None) -> AnsweringProcess:
        raise AssertionError

    with CloudflareAccounts(sdk=SDK, start=start).opened(Secret("token")):
        pass


def test_what_it_gets_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "another")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    started: list[dict[str, str]] = []
    monkeypatch.setattr(asking, "AnsweringProcess", lambda _argv, *, env: started.append(env))
    start_asking(None)
    assert started[0]["https_proxy"] == "http://127.0.0.1:3128"
    assert set(started[0]) <= set(asking.PASSED_ON)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_a_process_that_ends(code: str) -> None:
    def start(_library: Path | None) -> AnsweringProcess:
        return AnsweringProcess(["python3", "-I", "-c", code], env={"PATH": os.environ["PATH"]})

    with CloudflareAccounts(sdk=SDK, start=start).opened(Secret("token")) as account:
        for _ in range(2):  # a second question gets another process
            with pytest.raises(ProviderUnavailable, match="ended"):
                account.verify()


def test_a_process_that_hangs() -> None:
    def start(_library: Path | None) -> AnsweringProcess:
        return AnsweringProcess(["sleep", "60"], env={"PATH": os.environ["PATH"]})

    with CloudflareAccounts(sdk=SDK, start=start, seconds=0.2).opened(Secret("token")) as account:
        with pytest.raises(ProviderUnavailable, match="in time"):
            account.verify()
        assert isinstance(account, CloudflareAccount)
        assert account._process is None


def test_the_names_that_are_passed_on_are_no_secrets() -> None:
    assert not [name for name in asking.PASSED_ON if "TOKEN" in name or "KEY" in name]
    assert json.dumps(asking.PASSED_ON)
