"""apps.yml: what it may say, every mistake at once, and edits that leave the rest of the file as it was typed."""

import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.yaml_tree import parse
from deployhost.errors import AppNotFound, Conflict, DeployhostError, InvalidConfig
from deployhost.model import AppName, Branch, Domain, RepositoryName

HELLO, SHOP = AppName("hello"), AppName("shop")

FULL = """\
# mine
apps:
  hello:            # the first one
    branch: main
    domains:        # public
      - hello.example.com   # main
      # an old one
      - old.example.com
    # the next line matters
    storage: true
    health: /up
    port: 8000
    boot_limit: 2.5
    drain: 0
    response_timeout: 600
    stand_in_bases: true
    stop_timeout: 3

  # sells things
  shop: {branch: 'live', domains: [shop.example.com]}   # flow
# the end
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "apps.yml"


def read(text: str) -> AppsFile:
    return apps.parse(parse(text, "apps.yml"), "apps.yml")


def test_every_setting_is_read() -> None:
    file = read(FULL)
    assert file.get(HELLO) == AppConfig(
        name=HELLO,
        branch=Branch("main"),
        domains=(Domain("hello.example.com"), Domain("old.example.com")),
        storage=True,
        health="/up",
        port=8000,
        boot_limit=2.5,
        drain=0,
        response_timeout=600,
        stand_in_bases=True,
        stop_timeout=3,
    )
    assert list(file.apps) == [HELLO, SHOP]
    assert file.get(SHOP).hosts == ("shop.localhost", "shop.example.com")


@pytest.mark.parametrize("text", ["", "# nothing\n", "apps:\n", "apps: {}\n", "apps: null\n"])
def test_no_apps(text: str) -> None:
    assert read(text).apps == {}


def test_a_missing_file_has_no_apps_and_is_not_made(path: Path) -> None:
    assert apps.load(path).apps == {}
    assert not path.exists()


def test_an_app_without_settings_has_the_defaults() -> None:
    assert read("apps:\n  hello:\n").get(HELLO) == AppConfig(HELLO)


def test_an_unknown_app_names_the_one_that_was_meant() -> None:
    with pytest.raises(AppNotFound) as caught:
        read(FULL).get(AppName("helo"))
    assert (caught.value.details, caught.value.hint) == (("did you mean hello?",), "deployhost status hello")
    with pytest.raises(AppNotFound) as caught:
        read(FULL).get(AppName("zzz"))
    assert (caught.value.details, caught.value.hint) == ((), "deployhost add zzz")


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("app: {}", ["apps.yml: app: unknown key; did you mean apps? known are apps (line 1)"]),
        ("- hello", ["apps.yml: the file: must be a mapping, `key: value` on each line (line 1)"]),
        ("apps: [hello]", ["apps.yml: apps: must be a mapping, `key: value` on each line (line 1)"]),
        ("apps:\n  hello: yes", ["apps.yml: apps/hello: must be a mapping, `key: value` on each line (line 2)"]),
        ("apps:\n  a:\n  a:\n", ["apps.yml: apps/a: stands here twice, first on line 2 (line 3)"]),
        ("apps: {}\napps: {}\n", ["apps.yml: apps: stands here twice, first on line 1 (line 2)"]),
        (
            "apps: {hello: {storage: 'true'}}",
            ["apps.yml: apps/hello/storage: must be true or false (line 1)"],
        ),
        ("apps: {hello: {storage: yes}}", ["apps.yml: apps/hello/storage: must be true or false (line 1)"]),
        (
            "apps: {hello: {port: 70000}}",
            ["apps.yml: apps/hello/port: must be a whole number from 1 to 65535 (line 1)"],
        ),
        ("apps: {hello: {port: true}}", ["apps.yml: apps/hello/port: must be a whole number from 1 to 65535 (line 1)"]),
        ("apps: {hello: {port: 1.5}}", ["apps.yml: apps/hello/port: must be a whole number from 1 to 65535 (line 1)"]),
        (
            "apps: {hello: {drain: .inf}}",
            ["apps.yml: apps/hello/drain: must be a number of seconds from 0 to 86400 (line 1)"],
        ),
        (
            "apps: {hello: {boot_limit: .nan}}",
            ["apps.yml: apps/hello/boot_limit: must be a number of seconds from 1 to 86400 (line 1)"],
        ),
        ("apps: {hello: {branch: 1}}", ["apps.yml: apps/hello/branch: must be text, in quotes: '1' (line 1)"]),
        (
            "apps: {hello: {health: up}}",
            [
                "apps.yml: apps/hello/health: 'up' is not a path of a URL: it begins with '/' and has no spaces, as in /up (line 1)"
            ],
        ),
        (
            "apps: {hello: {domains: a.example.com}}",
            ["apps.yml: apps/hello/domains: must be a list, each on a line of its own that begins with '- ' (line 1)"],
        ),
        (
            "apps: {hello: {domains: [a.example.com, a.example.com]}}",
            ["apps.yml: apps/hello/domains/1: a.example.com is given to hello twice (line 1)"],
        ),
        (
            "apps: {hello: {domains: [hello.localhost]}}",
            ["apps.yml: apps/hello/domains/0: hello answers at hello.localhost anyway: leave it out (line 1)"],
        ),
        (
            "apps:\n  hello: {domains: [x.de]}\n  shop:\n    domains:\n    - hello.localhost\n    - x.de\n",
            [
                "apps.yml: apps/shop/domains/0: hello.localhost is the own address of hello (line 5)",
                "apps.yml: apps/shop/domains/1: x.de is given to hello too (line 6)",
            ],
        ),
        ("apps: [", ["apps.yml: expected the node content, but found '<stream end>' (line 1)"]),
        ("a: &a [*a]", ["apps.yml: a list or mapping contains itself (line 1)"]),
        ("? [a]\n: b\n", ["apps.yml: a key must be a word (line 1)"]),
        ("a: 1\n---\nb: 1\n", ["apps.yml: but found another document (line 2)"]),
    ],
)
def test_mistakes_say_where_they_are(path: Path, text: str, mistakes: list[str]) -> None:
    path.write_text(text)
    with pytest.raises(InvalidConfig) as caught:
        apps.load(path).check()
    assert list(caught.value.details) == mistakes
    assert caught.value.hint == f"editor {path}"


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = "apps:\n  UP: {}\n  hello:\n    prt: 1\n    port: 0\n    domains: [x]\nmore: 1\n"
    with pytest.raises(InvalidConfig) as caught:
        read(text)
    assert caught.value.message == "apps.yml has 5 mistakes"
    assert [detail.split(": ")[1] for detail in caught.value.details] == [
        "apps/UP",
        "apps/hello/prt",
        "apps/hello/port",
        "apps/hello/domains/0",
        "more",
    ]


BROKEN = """\
apps:
  own:
    prot: 3
    may_reach: [shop, blog]
  hello:
    domains: [x.de]
  hello:
  shop:
    domains: [x.de]
    may_reach: [own]
  blog:
    branch: main
    domains: [blog.de]
"""


def test_a_mistake_in_the_entry_of_one_app_is_in_nobody_elses_way(path: Path) -> None:
    path.write_text(BROKEN)
    file = apps.load(path)
    blog = AppName("blog")
    assert file.apps == {blog: AppConfig(blog, Branch("main"), domains=(Domain("blog.de"),))}
    assert list(file.known) == [AppName("own"), HELLO, SHOP, blog], "no app is gone for a mistake"
    for name, said in (
        ("own", "apps/own/prot: "),
        (HELLO, "apps/hello: stands"),
        (SHOP, "apps/shop/domains/0: x.de is given"),
    ):
        with pytest.raises(InvalidConfig, match=r"^apps\.yml has a mistake$") as caught:
            file.get(AppName(name))
        (detail,) = caught.value.details
        assert said in detail
        assert caught.value.hint == f"editor {path}"
    with pytest.raises(InvalidConfig, match=r"^apps\.yml has 3 mistakes$"):
        file.check()
    with pytest.raises(AppNotFound):
        file.get(AppName("nope"))


@pytest.mark.parametrize("mistake", ["  UP:\n", "more: 1\n", "apps: {}\n"])
def test_a_mistake_that_is_no_one_apps_is_everybodys(path: Path, mistake: str) -> None:
    """Whose entry it was meant to be is not known, so none of the apps may seem to be gone."""
    path.write_text(FULL + mistake)
    with pytest.raises(InvalidConfig):
        apps.load(path)


def test_the_entry_of_an_app_can_be_changed_beside_that_of_a_broken_one(path: Path) -> None:
    path.write_text(BROKEN)
    blog = AppName("blog")
    apps.set_branch(path, blog, Branch("live"))
    assert apps.set_storage(path, blog, on=True) is True
    assert apps.remove_domains(path, blog, [Domain("blog.de")]) == ("blog.de",)
    assert apps.load(path).get(blog) == AppConfig(blog, Branch("live"), storage=True)
    before = path.read_text()
    for whole in (
        lambda: apps.add_domains(path, blog, [Domain("new.de")]),  # whose it is already is not known
        lambda: apps.add_app(path, AppName("new")),
        lambda: apps.set_storage(path, SHOP, on=True),
        lambda: apps.change(path, lambda text, _: text.set(("apps", "blog", "port"), 0)),
    ):
        with pytest.raises(InvalidConfig):
            whole()
        assert path.read_text() == before
    apps.remove_app(path, blog)
    assert path.read_text() == before[: before.index("  blog:")].replace("[shop, blog]", "[shop]")


def test_text_that_is_no_text_is_said_to_be_none(path: Path) -> None:
    path.write_bytes(b"apps:\n  \xff:\n")
    with pytest.raises(InvalidConfig) as caught:
        apps.load(path)
    assert caught.value.details == ("apps.yml: it is not UTF-8 text (line 2)",)
    path.write_bytes(b"[" * 500)
    with pytest.raises(InvalidConfig):
        apps.load(path)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_edits_touch_only_their_own_lines(path: Path) -> None:
    path.write_text(FULL)
    apps.add_domains(path, HELLO, [Domain("new.example.com")])
    apps.remove_domains(path, HELLO, [Domain("hello.example.com")])
    apps.set_branch(path, HELLO, Branch("feature/x"))
    apps.set_storage(path, HELLO, on=False)
    apps.add_app(path, AppName("blog"), Branch("on"), [Domain("blog.example.com")])
    apps.add_domains(path, SHOP, [Domain("s.example.com")])
    apps.set_branch(path, SHOP, Branch("main"))
    apps.set_storage(path, SHOP, on=True)
    expected = (
        FULL.replace("      - hello.example.com   # main\n", "")
        .replace("      - old.example.com\n", "      - old.example.com\n      - new.example.com\n")
        .replace("branch: main", "branch: feature/x")
        .replace("storage: true", "storage: false")
        .replace(
            "{branch: 'live', domains: [shop.example.com]}",
            "{branch: main, domains: [shop.example.com, s.example.com], storage: true}",
        )
        .replace("# flow\n", '# flow\n  blog:\n    branch: "on"\n    domains:\n      - blog.example.com\n')
    )
    assert path.read_text() == expected


def test_the_source_of_an_app(path: Path) -> None:
    shop, store, other = (RepositoryName(f"acme/{name}") for name in ("shop", "store", "other"))
    path.write_text(FULL)
    apps.set_source(path, HELLO, shop, instead_of=None, branch=Branch("live"))
    assert (apps.load(path).get(HELLO).source, apps.load(path).get(HELLO).branch) == (shop, "live")
    apps.set_source(path, HELLO, store, instead_of=RepositoryName("ACME/Shop"))
    assert apps.load(path).get(HELLO).source == store
    for instead_of in (None, shop, other):
        with pytest.raises(Conflict) as failed:
            apps.set_source(path, HELLO, other, instead_of=instead_of)
        assert failed.value.message == "hello is deployed from acme/store"

    def no() -> None:
        raise Conflict("it is being removed")

    before = path.read_text()
    with pytest.raises(Conflict):
        apps.set_source(path, HELLO, shop, instead_of=store, ready=no)
    assert path.read_text() == before
    with pytest.raises(AppNotFound):
        apps.set_source(path, AppName("none"), shop, instead_of=None)
    added = apps.add_app(path, AppName("new"), source=shop)
    assert (added.source, added.branch) == (shop, None)


def test_removing_an_app_leaves_the_others_and_their_comments(path: Path) -> None:
    path.write_text(FULL)
    apps.remove_app(path, HELLO)
    assert path.read_text() == "# mine\napps:\n\n  # sells things\n" + "".join(FULL.splitlines(keepends=True)[-2:])
    apps.remove_app(path, SHOP)
    assert path.read_text() == "# mine\napps:\n\n  # sells things\n# the end\n"
    apps.add_app(path, HELLO)
    assert apps.load(path).apps == {HELLO: AppConfig(HELLO)}


def test_the_first_app_makes_a_file_that_explains_itself(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "apps.yml"
    apps.add_app(path, HELLO)
    assert path.read_text() == apps.HEADER + "  hello:\n"
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_layouts_that_people_write(path: Path) -> None:
    for text in (
        "apps:\r\n    hello:\r\n        port: 3 # p\r\n    # tail\r\n",
        "\ufeffapps: {hello: {}}",
        "apps:\n  hello: {} # c",
        "apps:\n  hello: ~\n# c",
        "apps: {hello: {domains: []}, }\n",
        "---\napps:\n  hello:\n    domains:\n",
        "apps:\n  hello:\n    domains: null # c\n\n\n",
        "apps:\n  'hello':\n    domains:\n    - a.de",
    ):
        path.write_text(text, newline="")
        apps.add_domains(path, HELLO, [Domain("x.de"), Domain("y.de")])
        apps.add_app(path, SHOP, Branch("main"))
        apps.remove_domains(path, HELLO, [Domain("x.de")])
        file = apps.load(path)
        assert file.get(HELLO).domains[-1] == "y.de", text
        assert file.get(SHOP).branch == "main", text
        written = path.read_bytes().decode()
        assert written.count("#") == text.count("#")
        assert ("\r\n" in text) == ("\r\n" in written)
        assert "\n" not in written.replace("\r\n", "") or "\r\n" not in text
        assert written.startswith("\ufeff") == text.startswith("\ufeff")
        assert not any(line.endswith(" ") for line in written.splitlines())


def test_a_layout_that_cannot_be_edited_is_refused_and_kept(path: Path) -> None:
    text = "apps:\n  hello: &base\n    port: 3\n  shop: *base\n"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match="read but not change"):
        apps.set_storage(path, SHOP, on=True)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "change",
    [
        lambda path: apps.add_app(path, AppName("new")),
        lambda path: apps.remove_app(path, HELLO),
        lambda path: apps.set_storage(path, HELLO, True),
        lambda path: apps.add_domains(path, HELLO, [Domain("x.de")]),
    ],
)
def test_a_broken_file_is_never_overwritten(path: Path, change: Callable[[Path], object]) -> None:
    text = "apps:\n  hello: {prot: 1}\n"
    path.write_text(text)
    with pytest.raises(InvalidConfig):
        change(path)
    assert path.read_text() == text


def test_an_edit_that_would_break_the_file_is_not_written(path: Path) -> None:
    path.write_text(FULL)
    with pytest.raises(InvalidConfig, match=r"apps\.yml has a mistake"):
        apps.change(path, lambda text, _: text.set(("apps", "hello", "port"), 0))
    assert path.read_text() == FULL


def test_names_and_domains_that_are_taken(path: Path) -> None:
    path.write_text(FULL + "")
    for taken in (
        lambda: apps.add_app(path, HELLO),
        lambda: apps.add_app(path, AppName("new"), None, [Domain("shop.example.com")]),
        lambda: apps.add_app(path, AppName("new"), None, [Domain("shop.localhost")]),
        lambda: apps.add_domains(path, HELLO, [Domain("shop.example.com")]),
    ):
        with pytest.raises(Conflict):
            taken()
    apps.add_domains(path, HELLO, [Domain("later.localhost")])
    before = path.read_text()
    with pytest.raises(Conflict) as caught:
        apps.add_app(path, AppName("later"))
    assert caught.value.hint == "deployhost domains remove hello later.localhost"
    assert path.read_text() == before


def test_what_is_so_already_is_no_change(path: Path) -> None:
    path.write_text(FULL)
    before = path.stat().st_ino
    assert apps.add_domains(path, HELLO, [Domain("old.example.com"), Domain("hello.localhost")]) == ()
    assert apps.remove_domains(path, HELLO, [Domain("no.example.com")]) == ()
    assert apps.set_storage(path, HELLO, on=True) is False
    apps.set_branch(path, HELLO, Branch("main"))
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    "change",
    [
        apps.remove_app,
        lambda path, name: apps.set_branch(path, name, Branch("main")),
        lambda path, name: apps.set_storage(path, name, True),
        lambda path, name: apps.add_domains(path, name, []),
        lambda path, name: apps.remove_domains(path, name, []),
    ],
)
def test_changing_an_app_that_is_not_there(path: Path, change: Callable[[Path, AppName], object]) -> None:
    path.write_text(FULL)
    with pytest.raises(AppNotFound):
        change(path, AppName("nope"))


NAMES = st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True).map(AppName)
DOMAINS = st.from_regex(r"[a-z0-9]{1,4}\.(?:de|com|1)", fullmatch=True).map(Domain)
BRANCHES = st.sampled_from(["main", "on", "1", "feature/x", "null", "ä", "a#b", "it's", 'q"q', "1e3", "true"]).map(
    Branch
)
COMMENTS = st.text(string.ascii_letters + " #'\":-[]{}", max_size=12).map(lambda text: f"# {text}")


@settings(max_examples=50, deadline=None)
@given(
    start=st.dictionaries(NAMES, st.tuples(COMMENTS, st.lists(DOMAINS, unique=True, max_size=3)), max_size=4),
    edits=st.lists(st.tuples(st.sampled_from("arbsdD"), NAMES, BRANCHES, DOMAINS), max_size=8),
)
def test_any_edits_mean_what_they_say_and_keep_every_comment(
    tmp_path_factory: pytest.TempPathFactory,
    start: dict[AppName, tuple[str, list[Domain]]],
    edits: list[tuple[str, AppName, Branch, Domain]],
) -> None:
    path = tmp_path_factory.mktemp("h") / "apps.yml"
    text = "apps:\n"
    for name, (comment, domains) in start.items():
        text += f'  {comment}\n  "{name}":\n    {comment} inside\n    port: 1\n    domains:\n'
        text += "".join(f"      {comment}\n      - '{name}.{domain}'\n" for domain in domains)
        text += f"  {comment} after\n"
    path.write_text(text)
    model = {
        name: AppConfig(name, port=1, domains=tuple(Domain(f"{name}.{domain}") for domain in domains))
        for name, (_, domains) in start.items()
    }
    outside = [line for line in text.splitlines() if line.startswith("  #")]
    for kind, name, branch, short in edits:
        domain = Domain(f"{name}.{short}")
        expected = (Conflict if name in model else None) if kind == "a" else (None if name in model else AppNotFound)
        refused: type[DeployhostError] | None = None
        try:
            if kind == "a":
                apps.add_app(path, name, branch, [domain])
                model[name] = AppConfig(name, branch=branch, domains=(domain,))
            elif kind == "r":
                apps.remove_app(path, name)
                del model[name]
            elif kind == "b":
                apps.set_branch(path, name, branch)
                model[name] = _with(model[name], branch=branch)
            elif kind == "s":
                apps.set_storage(path, name, on=True)
                model[name] = _with(model[name], storage=True)
            elif kind == "d":
                apps.add_domains(path, name, [domain])
                old = model[name].domains
                model[name] = _with(model[name], domains=old if domain in old else (*old, domain))
            else:
                apps.remove_domains(path, name, [domain])
                model[name] = _with(model[name], domains=tuple(one for one in model[name].domains if one != domain))
        except (AppNotFound, Conflict) as error:
            refused = type(error)
        assert refused == expected
        assert dict(apps.load(path).apps) == model
    assert [line for line in lines(path) if line.startswith("  #")] == outside


def _with(app: AppConfig, **values: object) -> AppConfig:
    return AppConfig(**{**{key: getattr(app, key) for key in AppConfig.__dataclass_fields__}, **values})


def test_edits_at_the_same_time_are_all_kept(path: Path) -> None:
    names = [AppName(f"app{number}") for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: apps.add_app(path, name, Branch("main"), [Domain(f"{name}.de")]), names))
    assert set(apps.load(path).apps) == set(names)
    assert sorted(file.name for file in path.parent.iterdir()) == ["apps.yml", "apps.yml.lock"]


def test_every_error_of_an_edit_is_ours(path: Path) -> None:
    path.mkdir()
    with pytest.raises(DeployhostError):
        apps.load(path)
