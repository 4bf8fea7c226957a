"""One folder per runtime: whether a tree is one of it, and how that is built. Pure: no I/O, no code of the tree is run."""
