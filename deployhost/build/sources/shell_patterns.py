"""The patterns of ${x#p}, ${x%p} and ${x/p/r} in a Dockerfile: * and ?, without backtracking. Pure.

As in BuildKit's convertShellPatternToRegex (frontend/dockerfile/shell/lex.go), whose regular expressions take time in the length
of the text; Python's would take for ever with a hostile pattern.
"""

LONGEST_VALUE = 1024  # characters; the time is the product of both
LONGEST_PATTERN = 128

_STAR, _ANY = object(), object()


def trimmed(value: str, pattern: str, *, end: bool, greedy: bool) -> str:
    """Return a value without what a pattern matches at its beginning (or end), the longest such part if `greedy`.

    Raises ValueError if the pattern is not one.
    """
    tokens = _tokens(pattern, value)
    if end:
        tokens, value = tokens[::-1], value[::-1]
    lengths = _matches(tokens, value)
    if lengths:
        value = value[max(lengths) if greedy else min(lengths) :]
    return value[::-1] if end else value


def replaced(value: str, pattern: str, by: str, *, every: bool) -> str:
    """Return a value with the first (or every) match of a pattern replaced. Raises ValueError."""
    tokens = _tokens(pattern, value)
    if len(value) * len(value) * max(1, len(tokens)) > LONGEST_VALUE * LONGEST_PATTERN * 8:
        raise ValueError("a value that is too long to be searched")
    found: list[str] = []
    at = 0
    while at < len(value):
        lengths = [length for length in _matches(tokens, value[at:]) if length]
        if not lengths:
            found.append(value[at])
            at += 1
            continue
        found.append(by)
        at += max(lengths)
        if not every:
            break
    return "".join(found) + value[at:]


def _tokens(pattern: str, value: str) -> list[object]:
    if len(pattern) > LONGEST_PATTERN or len(value) > LONGEST_VALUE:
        raise ValueError("a pattern or value that is too long")
    tokens: list[object] = []
    chars = iter(pattern)
    for char in chars:
        if char == "\\":
            escaped = next(chars, "")
            if not escaped or escaped not in "*?\\}/":
                raise ValueError(f"the escape \\{escaped} in a pattern")
            tokens.append(escaped)
        else:
            tokens.append({"*": _STAR, "?": _ANY}.get(char, char))
    return tokens


def _matches(tokens: list[object], value: str) -> list[int]:
    """Return the lengths of the beginnings of a value that the tokens match as a whole."""
    states = _closed({0}, tokens)
    lengths = [0] if len(tokens) in states else []
    for length, char in enumerate(value, 1):
        moved = {state if tokens[state] is _STAR else state + 1 for state in states if _takes(tokens, state, char)}
        states = _closed(moved, tokens)
        if not states:
            break
        if len(tokens) in states:
            lengths.append(length)
    return lengths


def _takes(tokens: list[object], state: int, char: str) -> bool:
    return state < len(tokens) and (tokens[state] in (_STAR, _ANY) or tokens[state] == char)


def _closed(states: set[int], tokens: list[object]) -> set[int]:
    """Return the states with those behind each star."""
    found = set(states)
    for state in states:
        after = state
        while after < len(tokens) and tokens[after] is _STAR:
            after += 1
            found.add(after)
    return found
