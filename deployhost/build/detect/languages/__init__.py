"""Languages that are recognised but not built here. One row says how a server of a language is seen; see language.py. Pure."""
