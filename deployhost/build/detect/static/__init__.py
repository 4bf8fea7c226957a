"""Sites: files that a web server hands out."""
