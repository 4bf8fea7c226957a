"""Where a repository keeps data in files: a SQLite database, or a path below /storage. A container's own files end with it. Pure.

Only what is sure enough is a sign: who was warned once for nothing does not read the next warning.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from deployhost.build import data_patterns as patterns
from deployhost.build.plan import BuildPlan
from deployhost.build.tree import Tree
from deployhost.model import MOUNTED_AT

MAX_FILES = 120
MAX_SIZE = 128 * 1024  # bytes of one file; a larger one was written by a program
MAX_READ = 512 * 1024  # bytes of all of them
MAX_DEPTH = 5
MAX_OPENS = 20  # of one file
_ENVIRONMENT = "\0"  # stands for an expression that only reads the environment


@dataclass(frozen=True)
class DataSign:
    """A line that shows where data is kept. `mounted`: it names /storage, else it opens a SQLite database elsewhere.

    `variables` are those that may say something else; `sure` is False where it may be one database of several to choose from.
    """

    path: str
    line: int
    mounted: bool = False
    variables: frozenset[str] = frozenset()
    sure: bool = True


def data_warning(
    tree: Tree, plan: BuildPlan, app: str, *, has_storage: bool | None, variables: Mapping[str, str]
) -> str | None:
    """Return a warning about data in files, or None; `has_storage` is None where that is not known."""
    if has_storage or (plan.start is not None and plan.start.argv[:1] == ("nginx",)):
        return None
    # A variable that names /storage is no other place while there is no storage.
    elsewhere = [name for name, value in variables.items() if MOUNTED_AT not in value]
    sign = data_sign(tree, elsewhere)
    if sign is None:
        return None
    where, keep = f"{repr(sign.path)[1:-1]} line {sign.line}", f"then keep it below {MOUNTED_AT}"
    if has_storage is None:
        said = f"{where} opens a SQLite database: without storage it is lost with each deploy"
        return None if sign.mounted else f"{said}; deployhost storage enable NAME, {keep}"
    enable = f"deployhost storage enable {app}"
    if sign.mounted:
        return f"{where} names {MOUNTED_AT}, and {app} has no storage: nothing is mounted there; {enable}"
    said = f"{where} opens a SQLite database, and {app} has no storage: it is lost with each deploy"
    return f"{said}; {enable}, {keep}"


def data_sign(tree: Tree, variables: Collection[str] = ()) -> DataSign | None:
    """Return the first sign of /storage in a tree, else of a database on the disk, or None; `variables` are those that are set."""
    found: list[DataSign] = []
    another = False
    for path, code in _sources(tree):
        if (at := _storage(code)) is not None:
            return DataSign(path, _line(code, at), mounted=True)
        sign = _opened(path, code) or _settled(path, code)
        if sign is not None and sign.variables.isdisjoint(variables):
            found.append(sign)
        another = another or patterns.ANOTHER_DATABASE.search(code) is not None
    return next((sign for sign in found if sign.sure or sign.variables or not another), None)


def _sources(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield the files that say something of databases or /storage, those at the root first, without their comments."""
    paths = [path for path in tree.paths() if path.endswith(patterns.SUFFIXES) and not _skipped(path)]
    left = MAX_READ
    for path in sorted(paths, key=lambda one: (one.count("/"), one))[:MAX_FILES]:
        size = tree.size(path)
        if size > min(left, MAX_SIZE):
            continue
        left -= size
        text = tree.read(path)
        lower = text.lower()
        if MOUNTED_AT in text or any(word in lower for word in patterns.DATABASES):
            hashes = path.endswith(patterns.HASH_LANGUAGES)
            comments = patterns.HASH_COMMENTS if hashes else patterns.SLASH_COMMENTS
            yield path, comments.sub(_blank, text)


def _skipped(path: str) -> bool:
    *folders, name = path.lower().split("/")
    return (
        len(folders) >= MAX_DEPTH
        or not patterns.SKIPPED_FOLDERS.isdisjoint(folders)
        or any(folder.startswith(".") for folder in folders)
        or patterns.SKIPPED_FILES.search(name) is not None
    )


def _blank(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _line(code: str, at: int) -> int:
    return code.count("\n", 0, at) + 1


def _line_at(code: str, at: int) -> str:
    """Return the line around a place, at most 200 characters to either side of it."""
    before, after = code[max(0, at - 200) : at], code[at : at + 200]
    return before.rpartition("\n")[2] + after.partition("\n")[0]


def _storage(code: str) -> int | None:
    """Return where a file below /storage is named: by its kind, or where nothing speaks for an address of the app."""
    if MOUNTED_AT not in code:
        return None
    if (found := patterns.STORAGE_DATABASE.search(code)) is not None:
        return found.end()
    named = (one.start() for one in patterns.STORAGE.finditer(code))
    return next((at for at in named if not patterns.WEB_PATH.search(_line_at(code, at))), None)


def _opened(path: str, code: str) -> DataSign | None:
    """Return the first line that opens a SQLite database on the disk."""
    opens = [*patterns.OPENS.finditer(code)]
    if (named := patterns.PYTHON_NAME.search(code)) is not None:
        opens += re.finditer(rf"\b{named[1]}\.connect\(", code)
    if patterns.JS_MODULE.search(code):
        opens += patterns.JS_OPENS.finditer(code)
    for one in sorted(opens, key=lambda found: found.start())[:MAX_OPENS]:
        if _on_disk(code[one.end() : one.end() + 400].lstrip(), code):
            return DataSign(path, _line(code, one.start()), variables=_elsewhere(code))
    return None


def _settled(path: str, code: str) -> DataSign | None:
    """Return the first line that settles on a SQLite database on the disk."""
    for one in patterns.SETTINGS.finditer(code):
        around = code[one.start() : one.start() + 400].splitlines()[:4]  # Django names the file in a line of its own
        if patterns.IN_MEMORY.search("\n".join(around)) or patterns.READ_ONLY.search(around[0]):
            continue
        line = _line(code, one.end())
        if path.endswith(".prisma"):
            return DataSign(path, line)
        # A field of a settings class is also set by the variable of its name in capitals.
        field = re.search(r"(\w+)\s*[:=]", _line_at(code, one.start()))
        variables = _elsewhere(code) | ({field[1].upper()} if field else set())
        return DataSign(path, line, variables=variables, sure=False)
    return None


def _elsewhere(code: str) -> frozenset[str]:
    """Return the variables that a file reads, and whose names are those of a database or its place."""
    named = ("".join(groups) for groups in patterns.READS_VARIABLE.findall(code))
    found = frozenset(name for name in named if patterns.DATA_VARIABLE.search(name))
    return found | {"DATABASE_URL"} if "dj_database_url" in code else found


def _on_disk(argument: str, code: str, *, followed: bool = False) -> bool:
    """Return whether what a database is opened with is a file: not memory, and not only what the environment says."""
    first = argument.partition("\n")[0]
    if not first or first[0] == ")" or patterns.IN_MEMORY.search(first) or patterns.READ_ONLY.search(first):
        return False
    plain = patterns.ENVIRONMENT_ONLY.sub(_ENVIRONMENT, first)
    plain = re.sub(rf"[\w.]+\(\s*{_ENVIRONMENT}\s*\)", _ENVIRONMENT, plain)
    if re.match(rf"{_ENVIRONMENT}\s*(?:[,);]|$)", plain):
        return False
    name = re.match(r"(?:\w+\.)*([A-Za-z_]\w*)\s*(?:[,);]|$)", plain)
    if name is None or followed:
        return True
    value = re.search(rf"\b{name[1]}\s*(?::[^=\n]{{1,60}})?=(?!=)\s*([^\n]{{1,200}})", code)
    return value is None or _on_disk(value[1], code, followed=True)
