"""The daemon's unix socket: its messages, the client of the CLI, and the git hook. Standard library only: they start in milliseconds."""
