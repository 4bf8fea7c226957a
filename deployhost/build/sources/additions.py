"""What ADD fetches: addresses found, and each such ADD turned into a COPY of a file that was fetched already. Pure."""

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from deployhost.build.sources.arguments import Budget, Scope
from deployhost.build.sources.stages import EXPANDS, REMOTE, Stage, Stages
from deployhost.build.sources.text import Instruction, LineRefused, words_of

MOST = 50  # addresses in a Dockerfile
LONGEST = 4096  # characters of an address
UNNAMED = "__unnamed__"  # what BuildKit calls a file whose address ends in a slash (dockerfile2llb/convert_copy.go)
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True)
class Addition:
    """One file to fetch: its address, the line that names it, its path among what is fetched, and the checksum it must have, or ""."""

    url: str
    line: int
    path: str
    checksum: str = ""


def with_additions(
    stages: Stages, image: str, given: Mapping[str, str], variables: Mapping[str, Mapping[str, str]], escape: str
) -> tuple[list[Instruction], list[Addition]]:
    """Return the instructions with each ADD of an address as a COPY from `image`, and the files that it must hold.

    `variables` are those of each base image that is here, by its name in full; only stages that are needed get their files.
    Raises LineRefused.
    """
    reader = _Additions(image)
    needed = stages.needed()
    found = list(stages.before)
    scopes: list[Scope] = []
    budget = Budget()
    for index, stage in enumerate(stages.stages):
        scope = Scope(escape, given, stages.defaults, _inherited(stage, scopes, variables), budget)
        scopes.append(scope)
        for one in stage.instructions:
            scope.take(one)
            found += reader.replaced(one, scope, wanted=index in needed)
    return found, reader.additions


def _inherited(stage: Stage, scopes: list[Scope], variables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    if stage.below is not None:
        return dict(scopes[stage.below].values)
    return dict(variables.get(stage.image.full, {})) if stage.image is not None else {}


class _Additions:
    """The files so far."""

    def __init__(self, image: str) -> None:
        self._image = image
        self.additions: list[Addition] = []

    def replaced(self, one: Instruction, scope: Scope, *, wanted: bool) -> list[Instruction]:
        """Return the instructions to build in place of one."""
        if one.word != "ADD":
            return [one]
        words = words_of(one.rest)
        if len(words) < 2:
            raise LineRefused(one.line, "ADD takes what to add, and where to")
        if one.heredocs:
            return [self._checked_heredoc(one, words)]
        sources = [self._source(word, scope, one.line) for word in words[:-1]]
        urls = [url for url, _ in sources if url]
        local = [word for url, word in sources if not url]
        if not urls:
            unchanged = local == words[:-1]
            return [one if unchanged else one.having(rest=_listed([*local, words[-1]]))]
        found = [self._copied(one, urls, words[-1], wanted=wanted)]
        if local:
            flags = tuple(flag for flag in one.flags if not flag.startswith("--checksum"))
            found.append(one.having(flags=flags, rest=_listed([*local, words[-1]])))
        return found

    def _checked_heredoc(self, one: Instruction, words: list[str]) -> Instruction:
        if any(REMOTE.match(word) or EXPANDS.search(word) for word in words[:-1] if "<<" not in word):
            raise LineRefused(one.line, "ADD with a heredoc and something that may be an address")
        return one

    def _source(self, word: str, scope: Scope, line: int) -> tuple[str, str]:
        """Return the address that a word means, or "", and how the word is to be written."""
        value = scope.expanded(word, line) if EXPANDS.search(word) else word
        if not REMOTE.match(value):
            return "", word if value == word else _literal(value, scope.escape)
        if not value.startswith(("http://", "https://")) or len(value) > LONGEST:
            raise LineRefused(line, f"ADD {value[:200]}: only http and https addresses can be added")
        try:
            path = urlsplit(value).path
        except ValueError as error:
            raise LineRefused(line, f"ADD {value[:200]}: not an address") from error
        if path.endswith(".git"):
            raise LineRefused(
                line, f"ADD {value[:200]}: git repositories are not fetched for a build; add an archive of it"
            )
        return value, word

    def _copied(self, one: Instruction, urls: list[str], target: str, *, wanted: bool) -> Instruction:
        flags = [f"--from={self._image}"]
        checksum = ""
        for flag in one.flags:
            name, _, value = flag.partition("=")
            if name == "--checksum":
                checksum = value
            elif name == "--unpack" and value.lower() != "false":
                raise LineRefused(one.line, "ADD --unpack of an address: what is fetched is not unpacked")
            elif name not in ("--unpack", "--keep-git-dir"):
                flags.append(flag)
        if checksum and (len(urls) > 1 or not _CHECKSUM.fullmatch(checksum)):
            raise LineRefused(one.line, f"ADD --checksum={checksum[:100]}: one sha256, sha384 or sha512 of one address")
        paths = [self._path(url, one.line, checksum, wanted=wanted) for url in urls]
        return one.having(word="COPY", flags=tuple(flags), rest=_listed([*paths, target]))

    def _path(self, url: str, line: int, checksum: str, *, wanted: bool) -> str:
        base = posixpath.basename(posixpath.normpath(unquote(urlsplit(url).path)))
        name = base if base not in ("", ".", "..", "/") else UNNAMED
        if not re.fullmatch(r"[\w.,+=@~%()#! :-]+", name) or len(name.encode("utf-8", "replace")) > 255:
            raise LineRefused(line, f"ADD {url[:200]}: the address ends in a name that can't be copied")
        path = f"/{len(self.additions)}/{name}"
        if wanted:
            self.additions.append(Addition(url, line, path, checksum))
            if len(self.additions) > MOST:
                raise LineRefused(line, f"more than {MOST} addresses to add")
        return path


def _literal(value: str, escape: str) -> str:
    """Return a word that expands to a value and nothing else."""
    return "".join(f"{escape}{char}" if char in ("$", "'", '"', escape) else char for char in value)


def _listed(words: list[str]) -> str:
    return json.dumps(words, ensure_ascii=False)
