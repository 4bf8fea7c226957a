"""A .dockerignore pattern, matched in a time that no pattern and no path can make long. Pure.

An expression of `re` tries every way of sharing a path out among the wildcards, and there are exponentially many. Here all
ways are followed at once: one bit for each place in the pattern that may be next, moved on by each character of the path.
"""

import re

_DEEP, _ANY, _NAME, _ONE = "**/", "**", "*", "?"


class Pattern:
    """A pattern without its `!`: which paths it covers, as moby/patternmatcher has it; brackets are taken literally."""

    def __init__(self, text: str) -> None:
        tokens = re.findall(r"\*\*/?|\*|\?|.", text.strip().strip("/"), re.DOTALL)
        # `**` is any number of whole folders, but for the last one, which is all the rest.
        tokens = [_DEEP if one == _ANY and place + 1 < len(tokens) else one for place, one in enumerate(tokens)]
        self._end = 1 << len(tokens)
        self._taken: dict[str, int] = {}
        for place, token in enumerate(tokens):
            self._taken[token] = self._taken.get(token, 0) | 1 << place
        deep, rest, name, self._one = (self._taken.pop(one, 0) for one in (_DEEP, _ANY, _NAME, _ONE))
        self._deep = deep
        self._skippable = deep | rest | name
        self._ending = rest | name  # what may end after any character; whole folders end after a slash only
        self._staying = deep | rest
        self._staying_in_name = self._staying | name

    def covers(self, path: str) -> bool:
        """Return whether the pattern covers a path, or a folder that it lies in."""
        state = self._entered(1)
        for char in path:
            if char == "/":
                if state & self._end:
                    return True
                moved = (state & (self._taken.get(char, 0) | self._deep)) << 1
                stayed = state & self._staying
            else:
                moved = (state & (self._taken.get(char, 0) | self._one)) << 1
                stayed = state & self._staying_in_name
            state = stayed | self._entered(moved | (stayed & self._ending) << 1)
            if not state:
                return False
        return bool(state & self._end)

    def _entered(self, places: int) -> int:
        """Return the places that are reached, those behind wildcards that may stand for nothing among them."""
        while more := (places & self._skippable) << 1 & ~places:
            places |= more
        return places
