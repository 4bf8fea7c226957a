"""What the detectors found in a tree, as it is weighed. Pure."""

from collections.abc import Sequence

from deployhost.build.detect.candidate import Candidate, Detector, Strength

Found = tuple[Detector, Candidate]
SITES = (Strength.SITE, Strength.FILES)  # what nginx serves


def best_of(candidates: Sequence[Found]) -> Candidate | None:
    """Return the strongest candidate, or None if there is none."""
    return max((found for _, found in candidates), key=lambda one: one.strength, default=None)


def has_server(candidates: Sequence[Found]) -> bool:
    """Return whether one of the candidates is a server."""
    return any(found.strength is Strength.SERVER for _, found in candidates)
