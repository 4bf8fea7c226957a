"""Thin typed wrappers of the machine's tools; they know nothing of apps or deploys."""
