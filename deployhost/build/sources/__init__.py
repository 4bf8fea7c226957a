"""What a build may take from outside its own files: images, frontends, URLs. Read, decided, written down for BuildKit, fetched."""
