"""The one registry of runtimes: the `detector` module of every folder here that has one. A further runtime is one more folder."""

import importlib
import importlib.util
import pkgutil
from functools import cache

import deployhost.build.detect as package
from deployhost.build.detect.candidate import Detector


@cache
def detectors() -> tuple[Detector, ...]:
    """Return every detector by priority, then name. The package's own modules are the input, so the answer never changes."""
    folders = (f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(package.__path__) if info.ispkg)
    modules = [f"{folder}.detector" for folder in folders if importlib.util.find_spec(f"{folder}.detector")]
    found: list[Detector] = [importlib.import_module(module).DETECTOR for module in modules]
    return tuple(sorted(found, key=lambda one: (one.priority, one.name)))
