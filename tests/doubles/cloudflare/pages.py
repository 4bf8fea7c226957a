"""Lists, as the API pages and filters them."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.doubles.cloudflare.state import Json

FILTERS: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted in value,
    "startswith": lambda value, wanted: value.startswith(wanted),
    "endswith": lambda value, wanted: value.endswith(wanted),
}


def page(found: Iterable[Json], query: Json, default: int) -> Json:
    """Return one page of a list, in the API's envelope."""
    everything = list(found)
    number, size = int(query.get("page", 1)), int(query.get("per_page", default))
    shown = everything[(number - 1) * size : number * size]
    return {
        "success": True,
        "errors": [],
        "messages": [],
        "result": shown,
        "result_info": {
            "page": number,
            "per_page": size,
            "count": len(shown),
            "total_count": len(everything),
            "total_pages": -(-len(everything) // size),
        },
    }


def result(value: Any) -> Json:
    """Return a result in the API's envelope."""
    return {"success": True, "errors": [], "messages": [], "result": value}


def text_matches(value: str | None, wanted: dict[str, str]) -> bool:
    """Return whether a text passes a filter such as {"exact": …}; case does not count."""
    text = (value or "").lower()
    for how, what in wanted.items():
        if how in ("absent", "present"):
            if (how == "present") != bool(text):
                return False
        elif not FILTERS[how](text, what.lower()):
            return False
    return True
