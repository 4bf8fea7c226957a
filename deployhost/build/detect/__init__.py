"""One folder per runtime: given a tree, say whether it is one of ours and how it is built. Pure: no I/O, no code of the tree is run."""
