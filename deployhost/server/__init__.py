"""The machine: setting it up for deployhost, and taking deployhost off it again."""
