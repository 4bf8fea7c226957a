"""Cloudflare's double."""

from tests.doubles.fixtures import authority, cloudflare_account, cloudflare_double

__all__ = ["authority", "cloudflare_account", "cloudflare_double"]
