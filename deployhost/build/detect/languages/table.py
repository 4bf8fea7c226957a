"""Every language that is recognised but not built here. A further one is a row in one of these files. Pure."""

from deployhost.build.detect.languages import compiled, machines, scripting
from deployhost.build.detect.languages.language import Language

LANGUAGES: tuple[Language, ...] = (*scripting.ROWS, *compiled.ROWS, *machines.ROWS)
