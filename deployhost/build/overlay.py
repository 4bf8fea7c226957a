"""A tar of files to lay upon an image: root's, with fixed times, each path made sure of."""

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, Self


class Overlay:
    """A tar that is written member by member; used as a context manager."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def file(self, path: str, content: bytes, mode: int, owner: int = 0) -> None:
        """Add a file; the path has no leading slash."""
        self._stream(path, io.BytesIO(content), len(content), mode, owner)

    def from_disk(self, path: str, source: Path, mode: int, modified: int = 0) -> None:
        """Add a file of the disk without reading it into memory, as last changed at `modified` (unix seconds)."""
        with source.open("rb") as content:
            member = _member(path, tarfile.REGTYPE, mode, 0)
            member.size, member.mtime = source.stat().st_size, modified
            self._tar.addfile(member, content)

    def directory(self, path: str, mode: int, owner: int = 0) -> None:
        """Add a directory."""
        self._tar.addfile(_member(path, tarfile.DIRTYPE, mode, owner))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        member = _member(path, tarfile.SYMTYPE, 0o777, 0)
        member.linkname = target
        self._tar.addfile(member)

    def npm_tarball(self, archive: Path, into: str, skipped: tuple[str, ...]) -> None:
        """Add the plain files of an npm package's .tgz below `into`, but those whose path begins with one of `skipped`."""
        with tarfile.open(archive, "r:gz") as source:
            for member in source:
                name = member.name.partition("/")[2]  # npm puts everything below one directory, normally "package"
                if not member.isfile() or not name or name.startswith(skipped):
                    continue
                content = source.extractfile(member)
                if content is not None:
                    self._stream(f"{into}/{name}", content, member.size, 0o755 if member.mode & 0o100 else 0o644, 0)

    def _stream(self, path: str, content: IO[bytes], size: int, mode: int, owner: int) -> None:
        member = _member(path, tarfile.REGTYPE, mode, owner)
        member.size = size
        self._tar.addfile(member, content)


def _member(path: str, kind: bytes, mode: int, owner: int) -> tarfile.TarInfo:
    """Return a path's entry. Raises ValueError if the path leads outside."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"{path} leads out of the image")
    member = tarfile.TarInfo(str(pure))
    member.type, member.mode = kind, mode
    member.uid = member.gid = owner
    return member
