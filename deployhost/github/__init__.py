"""GitHub: the App that this server is there, and what it reads and tells."""
