"""Directories in each other, as deep as an app or a commit may make them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.system.tree import DIRECTORY, discard_tree

DEEP = 1100  # levels: beyond Python's stack, and with long names beyond PATH_MAX
MakeDeep = Callable[..., None]


@pytest.fixture
def deep() -> Iterator[MakeDeep]:
    """Make directories in each other below a directory, and a file in the lowest. What is left of them goes with the test."""
    made = []

    def make(top: Path, levels: int = DEEP, name: str = "d") -> None:
        made.append(top)
        top.mkdir(exist_ok=True)
        current = os.open(top, DIRECTORY)
        for _ in range(levels):
            os.mkdir(name, dir_fd=current)
            below = os.open(name, DIRECTORY, dir_fd=current)
            os.close(current)
            current = below
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=current))
        os.close(current)

    yield make
    for top in made:
        discard_tree(top)
