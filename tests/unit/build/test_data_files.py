"""Where a repository keeps its data in files, and that little else is taken for it."""

import time
from dataclasses import dataclass, field

import pytest

from deployhost.build.data_files import MAX_FILES, DataSign, data_sign, data_warning
from deployhost.build.directory import load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.tree import MemoryTree

SQLITE = 'import sqlite3\n\ndb = sqlite3.connect("notes.db")\n'
DJANGO = """DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.sqlite3',
        'NAME': BASE_DIR / 'db.sqlite3',
    }
}
"""
PRISMA = 'datasource db {\n  provider = "sqlite"\n  url      = env("DATABASE_URL")\n}\n'
APP = BuildPlan(kind="generated", runtime="python")


def sign(files: dict[str, str], *variables: str) -> DataSign | None:
    return data_sign(MemoryTree(files), variables)


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("app.py", SQLITE, 3),
        ("shop/db.py", "import os, sqlite3\nPATH = os.path.join(HERE, 'x.db')\nsqlite3.connect(PATH, timeout=3)", 3),
        ("app.py", "def open_(name):\n    return sqlite3.connect(\n        name,\n    )", 2),
        ("app.py", "import sqlite3 as sql\nwith sql.connect('x.db') as db:", 2),
        ("app.py", "sqlite3.connect(current_app.config['DATABASE'], timeout=3)", 1),
        ("app.py", "async with aiosqlite.connect(settings.path) as db:", 1),
        ("app.py", "engine = create_engine('sqlite:///shop.db')", 1),
        ("app.py", "URI = 'sqlite:///' + os.path.join(basedir, 'app.db')", 1),
        ("app.py", 'name = "database.db"\nurl = f"sqlite+aiosqlite:///{name}"', 2),
        ("app.py", "register_tortoise(app, db_url='sqlite://db.sqlite3')", 1),
        ("app.py", "db = SqliteDatabase('my.db')", 1),
        ("app.py", "url = os.environ.get('DATABASE_URL', 'sqlite:///dev.db')", 1),
        ("app.py", "url = os.environ.get('DATABASE_URL') or 'sqlite:///dev.db'", 1),
        ("app.py", "sqlite3.connect(os.environ.get('DB', 'x.db'))", 1),
        ("mysite/settings.py", DJANGO, 3),
        ("server.js", "const Database = require('better-sqlite3');\nconst db = new Database('notes.db');", 2),
        ("server.js", "const db = require('better-sqlite3')('notes.db');", 1),
        ("server.mjs", "import { DatabaseSync } from 'node:sqlite';\nnew DatabaseSync('./notes.db')", 2),
        ("src/db.ts", 'import sqlite3 from "sqlite3";\n\nexport const db = new sqlite3.Database(FILE);', 3),
        ("db.js", "import { open } from 'sqlite';\nconst db = await open({\n  filename: './a.db',", 3),
        (
            "db.js",
            "const Database = require('better-sqlite3')\nnew Database(process.env.DB || 'a.db')",
            2,
        ),
        ("knex.js", "module.exports = { client: 'better-sqlite3', connection: { filename: 'a.db' } }", 1),
        ("db.ts", "new Sequelize({ dialect: 'sqlite', storage: 'a.sqlite' })", 1),
        ("prisma/schema.prisma", PRISMA, 2),
        ("main.go", 'db, err := sql.Open("sqlite3", "./notes.db")', 1),
        ("app.rb", 'db = SQLite3::Database.new "notes.db"', 1),
        ("index.php", "<?php\n$db = new PDO('sqlite:notes.db');", 2),
        ("config/database.yml", "default: &default\n  adapter: sqlite3\n", 2),
    ],
)
def test_databases(path: str, text: str, line: int) -> None:
    found = sign({"README.md": "x", path: text})
    assert found is not None
    assert (found.path, found.line, found.mounted) == (path, line, False)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app.py", "DB = '/storage/notes.db'\nsqlite3.connect(DB)"),
        ("app.py", "sqlite3.connect('/storage/notes.db')"),
        ("app.py", "SQLALCHEMY_DATABASE_URL = 'sqlite:////storage/app.db'"),
        ("app.py", "UPLOADS = Path('/storage')"),
        ("app.py", "folder = os.environ.get('DATA_DIR', '/storage/files')"),
        ("server.js", "const folder = process.env.DATA_DIR || '/storage';"),
        ("server.js", "fs.writeFileSync(`/storage/${name}`, body)"),
        ("Procfile", "web: python app.py --database /storage/notes.db"),
        ("Dockerfile", "FROM python:3\nENV DB=/storage/notes.sqlite3"),
    ],
)
def test_storage_that_is_named(path: str, text: str) -> None:
    found = sign({path: text})
    assert found is not None
    assert (found.path, found.mounted) == (path, True)
    assert "storage" in text.splitlines()[found.line - 1]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_db.py", SQLITE),
        ("test_app.py", SQLITE),
        ("src/db.test.ts", "import sqlite3 from 'sqlite3';\nnew sqlite3.Database('a.db')"),
        ("shop/migrations/0001_first.py", SQLITE),
        ("vendor/x/app.py", SQLITE),
        ("node_modules/x/index.js", "require('better-sqlite3')('notes.db')"),
        (".github/x.py", SQLITE),
        ("scripts/import.py", SQLITE),
        ("mysite/settings/dev.py", DJANGO),
        ("mysite/settings_test.py", DJANGO),
        ("notes.md", SQLITE),
        ("app.py", '"""Once: sqlite3.connect("notes.db"), or sqlite:///notes.db."""\n'),
        ("app.py", "# sqlite3.connect('notes.db')\nx = 1  # sqlite:///notes.db\n"),
        ("app.js", "require('better-sqlite3')\n// new Database('notes.db')\n/* new Database('notes.db') */"),
        ("app.py", "import sqlite3"),
        ("app.py", "sqlite3.connect(':memory:')"),
        ("app.py", "def connect(path=':memory:'):\n    return sqlite3.connect(path)"),
        ("app.py", "sqlite3.connect('file:geo.db?mode=ro', uri=True)"),
        ("app.py", "sqlite3.connect(os.environ['DB'], timeout=3)"),
        ("app.py", "DB = os.getenv('DB')\nsqlite3.connect(DB)"),
        ("app.py", "sqlite3.connect(Path(os.environ['DB']))"),
        ("app.py", "create_engine(os.environ['DATABASE_URL'])"),
        ("app.py", "create_engine('sqlite://')\ncreate_engine('sqlite:///:memory:')"),
        ("app.py", "if url.startswith('sqlite:///'):\n    pass"),
        ("settings.py", DJANGO.replace("BASE_DIR / 'db.sqlite3'", "':memory:'")),
        ("app.js", "const Database = require('better-sqlite3');\nnew Database(':memory:'); new Database()"),
        ("app.js", "const Database = require('better-sqlite3');\nnew Database(process.env.DB)"),
        ("app.js", "const Database = require('better-sqlite3');\nnew Database('geo.db', { readonly: true })"),
        ("app.js", "class Database {}\nconst db = new Database('x')"),
        ("app.py", "@app.get('/storage/{name}')\ndef show(name): ..."),
        ("urls.py", "urlpatterns = [path('/storage/', view)]"),
        ("app.js", "app.use('/storage', express.static('files'))"),
        ("app.js", "fetch('/storage/a.json')\nif (req.url.startsWith('/storage/')) {}"),
        ("app.py", "shutil.copy('/var/storage/x.db', './storage/y.db')"),
        ("app.py", "x = 'https://storage.googleapis.com/storage/v1'"),
        ("app.py", "x = 1\n" * 60_000 + SQLITE),
    ],
)
def test_what_is_no_sign(path: str, text: str) -> None:
    assert sign({path: text}) is None


def test_a_variable_that_is_set_says_otherwise() -> None:
    files = {"app.py": "url = os.environ.get('DATABASE_URL', 'sqlite:///dev.db')\nkey = os.environ['SECRET_KEY']"}
    assert sign(files, "SECRET_KEY") is not None
    assert sign(files, "DATABASE_URL") is None
    settings = {"app.py": "class Settings(BaseSettings):\n    db_address: str = 'sqlite:///./app.db'"}
    assert sign(settings) is not None
    assert sign(settings, "DB_ADDRESS") is None
    django = {"settings.py": "import dj_database_url\nX = dj_database_url.config(default='sqlite:///db.sqlite3')"}
    assert sign(django, "DATABASE_URL") is None


def test_one_database_of_several() -> None:
    """Settings for another database stand beside: which one it is can't be seen. What opens a file itself is sure."""
    files = {"settings/base.py": DJANGO, "settings/production.py": "ENGINE = 'django.db.backends.postgresql'"}
    assert sign(files) is None
    assert sign({**files, "app.py": SQLITE}) is not None


def test_the_first_at_the_root() -> None:
    found = sign({"a/deep/down.py": SQLITE, "b.py": SQLITE, "c.py": SQLITE})
    assert found == DataSign("b.py", 3)


def warned(files: dict[str, str], has_storage: bool | None, plan: BuildPlan = APP, **variables: str) -> str | None:
    return data_warning(MemoryTree(files), plan, "shop", has_storage=has_storage, variables=variables)


def test_warnings() -> None:
    assert warned({"app.py": SQLITE}, False) == (
        "app.py line 3 opens a SQLite database, and shop has no storage: it is lost with each deploy;"
        " deployhost storage enable shop, then keep it below /storage"
    )
    assert warned({"app.py": "DB = '/storage/notes.db'"}, False) == (
        "app.py line 1 names /storage, and shop has no storage: nothing is mounted there; deployhost storage enable shop"
    )
    assert warned({"app.py": SQLITE}, True) is None
    assert warned({"app.py": "x = 1"}, False) is None


def test_a_directory_of_which_no_app_is_known() -> None:
    said = warned({"app.py": SQLITE}, None)
    assert said is not None
    assert "without storage it is lost with each deploy" in said
    assert warned({"app.py": "DB = '/storage/notes.db'"}, None) is None, "it may well have storage"


def test_a_variable_that_names_storage() -> None:
    """It is no other place than the container as long as there is no storage."""
    files = {"app.py": "sqlite3.connect(os.environ.get('DB', 'x.db'))"}
    assert warned(files, False, DB="/elsewhere/x.db") is None
    assert warned(files, False, DB="/storage/x.db") is not None


def test_a_site_keeps_nothing() -> None:
    files = {"index.html": "", "server.js": "const folder = '/storage';"}
    plan = plan_build(MemoryTree({"index.html": ""}), templates=load_templates())
    assert warned(files, False, plan) is None
    assert warned(files, False) is not None


@dataclass
class Counted(MemoryTree):
    """A tree that counts what is read."""

    files: dict[str, str]
    reads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.files)

    def read(self, path: str) -> str:
        self.reads.append(path)
        return super().read(path)


def test_bounded() -> None:
    many = Counted({f"pages/p{number}.py": "x = 1" for number in range(5_000)})
    assert data_sign(many) is None
    assert len(many.reads) == MAX_FILES
    large = Counted({f"p{number}.py": "x = 1\n" * 20_000 for number in range(40)})
    assert data_sign(large) is None
    assert sum(len(large.files[path]) for path in large.reads) <= 512 * 1024


@pytest.mark.parametrize(
    "line",
    [
        "sqlite3.connect(x)",
        "/*",
        " /* ",
        '"""',
        "'''",
        " ",
        "\n",
        "new ",
        "a.",
        "sqlite://",
        "'/storage",
        "x = environ(",
    ],
)
def test_hostile_texts_cost_little(line: str) -> None:
    """What a regular expression could go round in."""
    text = "x = ':memory:'\nrequire('better-sqlite3') '/storage'\n" + line * (120_000 // len(line))
    began = time.process_time()
    for name in ("a.py", "a.js"):
        sign({name: text})
    assert time.process_time() - began < 1
