"""The doubles themselves."""

import pytest

from tests.doubles.fixtures import authority, cloudflare_account, cloudflare_double, github_double
from tests.doubles.github.double import GitHubDouble

__all__ = ["authority", "cloudflare_account", "cloudflare_double", "github_double"]


@pytest.fixture
def github(github_double: GitHubDouble) -> GitHubDouble:
    """Return GitHub's double by a shorter name."""
    return github_double
