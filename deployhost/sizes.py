"""Sizes in bytes as people read and write them. Pure."""

UNITS = {"g": 1024**3, "m": 1024**2, "k": 1024, "b": 1, "": 1}  # as Docker takes them


def readable_size(amount: int) -> str:
    """Return bytes as people read them, in powers of 1024: `312 MB`, `4.2 GB`."""
    if amount >= UNITS["g"]:
        return f"{amount / UNITS['g']:.1f} GB".replace(".0 GB", " GB")
    return f"{amount // UNITS['m']} MB"


def size_text(amount: int) -> str:
    """Return bytes as Docker writes them, in the largest unit that says them exactly: `512m`."""
    unit = next(unit for unit, of in UNITS.items() if amount % of == 0)
    return f"{amount // UNITS[unit]}{unit}"


def size_setting(amount: int) -> str:
    """Return bytes as one would write them into server.yml, rounded: `512m`, `1.5g`."""
    if amount >= UNITS["g"]:
        return f"{amount / UNITS['g']:.1f}".removesuffix(".0") + "g"
    return f"{max(amount, 0) // UNITS['m']}m"
