"""Deploys through Kamal's own command."""
