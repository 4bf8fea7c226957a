"""One Linux server as a push-to-deploy host for all of a person's apps."""

__version__ = "0.1.0"
