"""The one registry of runtimes: every module of this package that has a DETECTOR. A further runtime is one more file."""

import importlib
import pkgutil
from functools import cache

import deployhost.build.detect as package
from deployhost.build.detect.candidate import Detector


@cache
def detectors() -> tuple[Detector, ...]:
    """Return every detector by priority, then name. The package's own modules are the input, so the answer never changes."""
    modules = (
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    )
    found = [one for module in modules if isinstance(one := getattr(module, "DETECTOR", None), Detector)]
    return tuple(sorted(found, key=lambda one: (one.priority, one.name)))
