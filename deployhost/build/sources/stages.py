"""The images that a Dockerfile takes from, each stage by stage, written out in full. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployhost.build.registries import Reference
from deployhost.build.sources.arguments import Scope
from deployhost.build.sources.names import in_full
from deployhost.build.sources.text import Instruction, LineRefused, split_command, words_of

SCRATCH = "scratch"
MOST_IMAGES = 100  # different ones in a Dockerfile
MOST_STAGES = 500
_FLAGS = {
    "FROM": {"platform"},
    "COPY": {"from", "chown", "chmod", "link", "exclude", "parents"},
    "ADD": {"chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack"},
    "RUN": {"mount", "network", "security", "device"},
}
REMOTE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://|[^/\s:@]+@[^/\s:@]+:|git@|github\.com/"
)  # what ADD may read as an address
EXPANDS = re.compile(r"[$'\"\\`]")  # what may become something else
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_PLATFORM = re.compile(r"[A-Za-z0-9_./${}:+-]+")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@\[\]+-]+")


@dataclass(frozen=True)
class ImageUse:
    """An image that line `line` names; `shown` is how, as in `FROM alpine`."""

    reference: Reference
    line: int
    shown: str


@dataclass
class Stage:
    """A stage: its base is an image, an earlier stage (by index), or nothing (scratch)."""

    name: str
    line: int
    image: Reference | None = None
    below: int | None = None
    instructions: list[Instruction] = field(default_factory=list)
    uses: list[ImageUse] = field(default_factory=list)
    takes_from: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Stages:
    """All that a Dockerfile takes from; `before` are the instructions before the first FROM, `defaults` the variables there."""

    before: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    defaults: Mapping[str, str]

    def instructions(self) -> list[Instruction]:
        """Return every instruction, with the names of images in full."""
        return [*self.before, *(one for stage in self.stages for one in stage.instructions)]

    def needed(self) -> set[int]:
        """Return the indexes of the stages that the last one needs."""
        reached: set[int] = set()
        queue = [len(self.stages) - 1]
        while queue:
            index = queue.pop()
            if index not in reached:
                reached.add(index)
                stage = self.stages[index]
                queue += [*stage.takes_from, *([] if stage.below is None else [stage.below])]
        return reached

    def uses(self) -> list[tuple[int, ImageUse]]:
        """Return each use of an image with the index of its stage."""
        return [(index, use) for index, stage in enumerate(self.stages) for use in stage.uses]


def read_stages(
    instructions: list[Instruction], *, escape: str, given: Mapping[str, str], platform: Mapping[str, str]
) -> Stages:
    """Return what a Dockerfile takes from; `given` are the build's arguments. Raises LineRefused."""
    scope = Scope(escape, given, {}, dict(platform))
    reader = _Stages(scope)
    before: list[Instruction] = []
    for one in instructions:
        _check_flags(one)
        if one.word == "FROM":
            reader.begin(one)
        elif reader.stages:
            reader.add(one)
        elif one.word == "ARG":
            scope.take(one)
            before.append(one)
        else:
            raise LineRefused(one.line, f"{one.word} before the first FROM")
    if not reader.stages:
        raise LineRefused(1, "there is no FROM")
    return Stages(tuple(before), tuple(reader.stages), scope.values)


def check_trigger(one: Instruction, text: str) -> None:
    """Check an ONBUILD trigger, as it stands in `text`: it may take from no image and no address. Raises LineRefused.

    It is built in another stage, or in a build upon the image, and read anew there.
    """
    if one.word in ("FROM", "ONBUILD", "MAINTAINER"):
        raise LineRefused(one.line, f"{one.word} can't be an ONBUILD trigger")
    _check_flags(one)
    flags = text.removesuffix(one.rest) if one.flags else ""
    if any(char in flags for char in "\\`'\"") and one.word in _FLAGS:
        raise LineRefused(one.line, "an ONBUILD trigger with quotes in its flags")
    if any(flag.startswith("--from=") or _from_of(flag, one.line) is not None for flag in one.flags):
        raise LineRefused(one.line, f"an ONBUILD trigger that takes from an image or a stage: {text[:200]}")
    if one.word == "ADD":
        for word in words_of(one.rest)[:-1]:
            if REMOTE.match(word) or EXPANDS.search(word):
                raise LineRefused(one.line, f"an ONBUILD trigger that may fetch: {text[:200]}")


class _Stages:
    """The stages so far."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._named: dict[str, int] = {}
        self._images: set[Reference] = set()
        self.stages: list[Stage] = []

    def begin(self, one: Instruction) -> None:
        """Begin a stage with its FROM."""
        words = one.rest.split()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
            raise LineRefused(one.line, "FROM takes an image, or an image AS a name")
        name = words[2].lower() if len(words) == 3 else ""
        if name and not _STAGE_NAME.fullmatch(name):
            raise LineRefused(one.line, f"{name!r} is not a name for a stage")
        if len(self.stages) >= MOST_STAGES:
            raise LineRefused(one.line, f"more than {MOST_STAGES} stages")
        base = self._scope.expanded(words[0], one.line)
        stage = Stage(name, one.line)
        if base in self._named:
            stage.below = self._named[base]
        elif base != SCRATCH:
            stage.image = self._image(words[0], base, one.line, stage)
            base = stage.image.full
        stage.instructions.append(one.having(rest=" ".join((base, *(["AS", name] if name else [])))))
        self.stages.append(stage)
        if name:
            self._named[name] = len(self.stages) - 1

    def add(self, one: Instruction) -> None:
        """Add an instruction to the last stage."""
        self.stages[-1].instructions.append(self._resolved(one, one.word))

    def _resolved(self, one: Instruction, shown: str) -> Instruction:
        if one.word == "ONBUILD":
            return self._on_build(one)
        if one.word == "COPY":
            return one.having(flags=tuple(self._copied(flag, one.line, shown) for flag in one.flags))
        if one.word == "RUN":
            return one.having(flags=tuple(self._mounted(flag, one.line, shown) for flag in one.flags))
        return one

    def _on_build(self, one: Instruction) -> Instruction:
        if one.flags:
            raise LineRefused(one.line, "ONBUILD has no flags")
        check_trigger(split_command(one.rest, self._scope.escape, one.line), one.rest)
        return one

    def _copied(self, flag: str, line: int, shown: str) -> str:
        name, equals, value = flag.partition("=")
        if name != "--from" or not equals:
            return flag
        if value.isascii() and value.isdigit():
            if len(value) > 4 or int(value) >= len(self.stages) - 1 or str(int(value)) != value:
                raise LineRefused(line, f"there is no earlier stage {value}")
            self.stages[-1].takes_from.add(int(value))
            return flag
        return f"--from={self._source(value, line, f'{shown} --from={value}')}"

    def _mounted(self, flag: str, line: int, shown: str) -> str:
        value = _from_of(flag, line)
        if value is None:
            return flag
        full = self._source(value, line, f"{shown} --mount=from={value}")
        fields = flag.partition("=")[2].split(",")
        return "--mount=" + ",".join(f"from={full}" if _is_from(one) else one for one in fields)

    def _source(self, value: str, line: int, shown: str) -> str:
        """Return what --from is to name: a stage that was before, or an image in full."""
        if not _PLAIN.fullmatch(value):
            raise LineRefused(
                line, f"{shown}: the name must stand there in full; a stage of its own (FROM … AS …) may take variables"
            )
        index = self._named.get(value.lower())
        if index is not None and index < len(self.stages) - 1:
            self.stages[-1].takes_from.add(index)
            return value.lower()
        if value == SCRATCH:
            return value
        return self._image(value, value, line, self.stages[-1], shown).full

    def _image(self, written: str, text: str, line: int, stage: Stage, shown: str = "") -> Reference:
        shown = shown or f"FROM {written[:200]}"
        if text != written:
            shown += f" ({text[:200]})" if text else ""
        reference = in_full(text)
        if reference is None:
            raise LineRefused(line, f"{shown}: {text[:200]!r} is not the name of an image")
        self._images.add(reference)
        if len(self._images) > MOST_IMAGES:
            raise LineRefused(line, f"more than {MOST_IMAGES} images")
        stage.uses.append(ImageUse(reference, line, shown))
        return reference


def _check_flags(one: Instruction) -> None:
    known = _FLAGS.get(one.word)
    seen: set[str] = set()
    for flag in one.flags:
        name = flag[2:].partition("=")[0]
        if known is not None and name not in known:
            raise LineRefused(one.line, f"{one.word} --{name} is not known here")
        if name in seen and name not in ("mount", "exclude", "device"):
            raise LineRefused(one.line, f"--{name} is given twice")
        seen.add(name)
        if flag in ("--network=host", "--security=insecure"):
            raise LineRefused(one.line, f"RUN {flag} takes rights that builds do not have")
        if name == "platform" and not _PLATFORM.fullmatch(flag.partition("=")[2]):
            raise LineRefused(one.line, f"{flag} is not a platform")


def _from_of(flag: str, line: int) -> str | None:
    """Return what a --mount takes from, or None. Raises LineRefused if it says so twice, or in a way that can be misread."""
    name, _, value = flag.partition("=")
    if name != "--mount":
        return None
    if '"' in value and "from" in value.lower():
        raise LineRefused(line, "a mount with `from` and quotes")
    found = [one.partition("=")[2] for one in value.split(",") if _is_from(one)]
    if len(found) > 1:
        raise LineRefused(line, "a mount that takes from two images")
    return found[0] if found else None


def _is_from(one: str) -> bool:
    return one.partition("=")[0].strip().lower() == "from"
