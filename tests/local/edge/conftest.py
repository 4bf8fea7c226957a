"""Cloudflare's double."""

from tests.doubles.fixtures import authority, cloudflare_account, cloudflare_double, warm, warm_asking

__all__ = ["authority", "cloudflare_account", "cloudflare_double", "warm", "warm_asking"]
