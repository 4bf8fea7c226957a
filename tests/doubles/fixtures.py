"""Fixtures with doubles of other services. A conftest.py imports those that its tests use.

The environment leads there: programs that a test starts trust the test CA, the SDK asks the double, cloudflared's double dials it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployhost.edge import asking
from deployhost.edge.sdk import CloudflareSdk
from deployhost.paths import Paths
from tests.doubles.certificates import Authority
from tests.doubles.cloudflare.double import CloudflareDouble
from tests.doubles.cloudflare.state import Account, Token, Zone
from tests.doubles.cloudflare.warm import WarmAsking
from tests.doubles.github.double import GitHubDouble

__all__ = [
    "SDK",
    "CloudflareAccount",
    "authority",
    "cloudflare_account",
    "cloudflare_double",
    "github_double",
    "warm",
    "warm_asking",
]

SDK = CloudflareSdk(Paths(Path("/nonexistent")))  # the environment that tests run in has it


@dataclass(frozen=True)
class CloudflareAccount:
    """An account at Cloudflare's double with one zone, and a token that may do all that deployhost needs."""

    double: CloudflareDouble
    account: Account
    zone: Zone
    token: Token


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Return the test CA."""
    return Authority()


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmAsking]:
    """Yield what starts processes that ask Cloudflare at once."""
    warm = WarmAsking()
    yield warm
    warm.end()


@pytest.fixture
def warm_asking(warm: WarmAsking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process ask Cloudflare by such processes."""
    monkeypatch.setattr(asking, "start_asking", warm.start)


@pytest.fixture
def cloudflare_double(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CloudflareDouble]:
    """Yield Cloudflare, empty. The test fails if the API was asked something that it does not know."""
    double = CloudflareDouble(authority)
    folder = tmp_path / "cloudflare-double"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write(folder / "ca.pem")))
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", double.base_url)
    monkeypatch.setenv("CLOUDFLARED_DOUBLE", str(double.write_connector_settings(folder / "cloudflared-double.json")))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    try:
        yield double
    finally:
        double.stop()
    double.record.check()


@pytest.fixture
def cloudflare_account(cloudflare_double: CloudflareDouble) -> CloudflareAccount:
    """Return an account with the zone example.com and a user's token."""
    account = cloudflare_double.state.add_account("Example")
    zone = cloudflare_double.state.add_zone("example.com", account)
    return CloudflareAccount(cloudflare_double, account, zone, cloudflare_double.state.add_token(account))


@pytest.fixture
def github_double(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubDouble]:
    """Yield GitHub, empty, in the shape of Enterprise Server. The test fails if it was asked something that it does not know."""
    double = GitHubDouble(tmp_path / "github-double", authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write(tmp_path / "github-double" / "ca.pem")))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    try:
        yield double
    finally:
        double.stop()
    double.record.check()
