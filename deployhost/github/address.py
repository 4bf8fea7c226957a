"""A repository on GitHub as a person names it: OWNER/REPO, or the URL of its page or of git. Pure."""

import re

from deployhost.errors import InvalidName
from deployhost.model import RepositoryName

# As GitHub's pages show them: https://HOST/OWNER/REPO, git@HOST:OWNER/REPO.git, ssh://git@HOST/OWNER/REPO.git.
_PAGE = re.compile(r"https?://([^/@:?#]+(?::[0-9]+)?)/([^?#]+)(?:[?#].*)?")
_SSH = re.compile(r"(?:ssh://git@([^/@:?#]+)(?::[0-9]+)?/|git@([^/@:]+):)(.+)")
HINT = "deployhost add OWNER/REPO"


def repository_address(text: str) -> tuple[str, RepositoryName]:
    """Return the address of a repository's GitHub ("" if it is not said) and its name. Raise InvalidName."""
    host, path = "", text
    if page := _PAGE.fullmatch(text):
        # One below the repository's, such as /tree/main, means the repository.
        host, path = page[1], "/".join(page[2].strip("/").split("/")[:2])
    elif ssh := _SSH.fullmatch(text):
        host, path = ssh[1] or ssh[2], ssh[3].strip("/")
    address = f"https://{host.lower().removeprefix('www.')}" if host else ""
    try:
        return address, RepositoryName(path.removesuffix(".git"))
    except InvalidName:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise InvalidName(f"{shown!r} is not a GitHub repository: write OWNER/REPO or its URL", hint=HINT) from None
