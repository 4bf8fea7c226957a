"""Ends at once, the way an app does whose configuration is missing."""

raise RuntimeError("DATABASE_URL is not set")
