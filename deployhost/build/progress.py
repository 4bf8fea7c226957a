"""BuildKit's plain progress, made readable, and the cause of a failure found in it. Pure: lines in, lines out."""

import re
from collections import deque
from dataclasses import dataclass, field

from deployhost.build import registries

TAIL = 20  # lines of a step's own output that an error carries
NAME_WIDTH = 120  # characters of a step's name
LONGEST = 10_000  # characters of a line
MOST_STEPS = 2000  # that are known at a time: a Dockerfile may have any number
SHOWN_FROM = 1.0  # seconds from which on it is worth saying how long a step took

_STEP = re.compile(r"#(?P<id>\d+) (?P<rest>.*)", re.DOTALL)
_OUTPUT = re.compile(r"\d+\.\d+ ?(?P<text>.*)", re.DOTALL)
_DONE = re.compile(r"DONE (?P<seconds>\d+(?:\.\d+)?)s")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\b")
_NUMBERING = re.compile(r"^\[[^\]]*\]\s*")
_HIDDEN = re.compile(
    r"\[(?:internal|auth|context)\b|exporting |importing |\[[^\]]*\] FROM |resolve image config|docker-image://|building with "
)
_RUN = re.compile(r"^(?:\[[^\]]*\]\s*)?RUN\b")
_MOUNTS = re.compile(r"--mount=\S+\s*")
_PREAMBLE = re.compile(r"if \[ -s /run/secrets/\S+ \]; then\s+export [^;]*;\s*fi;\s*")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_EXIT = re.compile(r"exit code: (\d+)")
_PARSE = re.compile(r"dockerfile parse error(?: on)? line (?P<line>\d+): (?P<what>.+)")
_IMAGE = re.compile(r"(?:load metadata for|resolve image config for) (?:docker-image://)?(?P<image>\S+)")
_CHAIN = re.compile(
    r"^(?:ERROR: |failed to build: |failed to solve: |failed to solve with frontend [\w.]+: |rpc error: code = \w+ desc = "
    r"|failed to create LLB definition: |failed to compute cache key: )+"
)


@dataclass
class _Step:
    name: str
    hidden: bool
    error: str = ""
    output: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))


@dataclass(frozen=True)
class Failure:
    """Why a build failed: one sentence, and the last lines that the failing step itself wrote."""

    message: str
    details: tuple[str, ...]


class BuildProgress:
    """Makes what `docker build --progress=plain` writes readable, line by line, and knows the failure at the end."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._shown = ""
        self._rest: deque[str] = deque(maxlen=TAIL)

    def feed(self, raw: str) -> list[str]:
        """Return none or more readable lines for one raw line."""
        raw = raw[:LONGEST]
        match = _STEP.fullmatch(raw)
        if match is None:
            if raw.strip():
                self._rest.append(_plain(raw))
            return []
        number, rest = match["id"], match["rest"]
        step = self._steps.get(number)
        if step is None:
            self._forget()
            step = self._steps[number] = _Step(rest, bool(_HIDDEN.match(rest)))
            # A RUN may say nothing for minutes, so it is shown as it begins; the rest is over in a moment, and only what
            # was not cached is worth a line.
            return self._header(number, step) if _RUN.search(rest) else []
        if rest == step.name:
            return []
        return self._of_step(number, step, rest)

    def failure(self) -> Failure:
        """Return why the build failed, from what was fed."""
        for step in self._steps.values():
            if step.error and "context canceled" not in step.error:
                return Failure(_sentence(step), tuple(step.output))
        last = _CHAIN.sub("", self._rest[-1]) if self._rest else "docker build failed and did not say why"
        parse = _PARSE.search(last)
        if parse is not None:
            return Failure(f"the Dockerfile can't be read: line {parse['line']}: {parse['what']}", ())
        return Failure(last, tuple(self._rest) if len(self._rest) > 1 else ())

    def _forget(self) -> None:
        """Forget the step that began first, if there are too many and it has not failed."""
        if len(self._steps) >= MOST_STEPS:
            del self._steps[
                next((number for number, one in self._steps.items() if not one.error), next(iter(self._steps)))
            ]

    def _of_step(self, number: str, step: _Step, rest: str) -> list[str]:
        output = _OUTPUT.fullmatch(rest)
        if output is not None:
            text = _plain(output["text"])
            step.output.append(text)
            return [] if step.hidden else [*self._header(number, step), f"  {text}"]
        if rest.startswith("ERROR: "):
            step.error = rest.removeprefix("ERROR: ")
            return []
        if step.hidden or _DIGEST.match(rest):
            return []
        done = _DONE.fullmatch(rest)
        if rest == "CACHED":
            return [*self._header(number, step), "  cached"] if _RUN.search(step.name) else []
        if done is None:
            return []
        took = float(done["seconds"])
        return [*self._header(number, step), *([f"  done in {took:.1f} s"] if took >= SHOWN_FROM else [])]

    def _header(self, number: str, step: _Step) -> list[str]:
        """Return the step's name unless it is the one that was shown last."""
        if step.hidden or self._shown == number:
            return []
        self._shown = number
        return [_readable(step.name)]


def is_about_a_step(raw: str) -> bool:
    """Return whether a raw line is BuildKit's own about a step (its name, its end), not of the step's output ("#5 0.123 text")."""
    if not raw.startswith("#"):
        return False
    rest = raw[:40].partition(" ")[2]
    return not rest[:1].isdigit()


def _sentence(step: _Step) -> str:
    instruction = _NUMBERING.sub("", _readable(step.name))
    code = _EXIT.search(step.error)
    image = _IMAGE.search(step.name)
    if image is not None:
        return f"the image {image['image']} can't be had: {registries.reason(step.error)}"
    if code is not None:
        killed = ", killed: probably out of memory" if code[1] == "137" else ""
        return f"{instruction} failed with exit code {code[1]}{killed}"
    why = _CHAIN.sub("", step.error)
    return f"{instruction} failed: {why.removesuffix(': not found') if why.endswith('not found: not found') else why}"


def _readable(name: str) -> str:
    """Return a step's name on one short line, without its mounts and what our templates put before each command."""
    line = re.sub(r"\s+", " ", _PREAMBLE.sub("", _MOUNTS.sub("", name))).strip()
    return line if len(line) <= NAME_WIDTH else f"{line[: NAME_WIDTH - 3]}..."


def _plain(text: str) -> str:
    """Return a line as a terminal would leave it: no colours, only what follows the last carriage return."""
    return _ANSI.sub("", text.rstrip("\r").rpartition("\r")[2]).rstrip()
