"""From a tree of files to an image: what would be built and why (pure), and the building itself."""
