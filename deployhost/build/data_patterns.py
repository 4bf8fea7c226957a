"""What in a line of source shows a SQLite database, or a path below /storage: the expressions that data_files goes by. Data only."""

import re

# What is the app's own source, and what only looks like it: nobody's data is kept by a test.
SUFFIXES = (
    ".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".prisma", ".go", ".rb", ".php", "config/database.yml", "Dockerfile", "Procfile",
)  # fmt: skip
SKIPPED_FOLDERS = frozenset(
    {
        "test", "tests", "testing", "__tests__", "__mocks__", "spec", "specs", "fixtures", "e2e", "cypress", "migrations", "migrate", "alembic",
        "versions", "vendor", "vendored", "_vendor", "third_party", "node_modules", "site-packages", "venv", "env", "dist", "build", "out", "docs",
        "doc", "examples", "example", "samples", "demo", "demos", "scripts", "tools", "bench", "benchmarks", "static", "assets", "public", "seeds",
    }
)  # fmt: skip
SKIPPED_FILES = re.compile(
    r"^(?:test_|tests?\.|conftest\.|noxfile\.|setup\.py)|[._-](?:test|tests|spec|min|mock)\.\w+$"
    r"|(?:^|[._-])(?:dev|development|local|test|testing|ci|example|sample)\.\w+$"
)
HASH_LANGUAGES = (".py", ".rb", ".yml", "Dockerfile", "Procfile")

# Comments and docstrings. One that never ends goes to the end of the file, so that each is looked at once only.
HASH_COMMENTS = re.compile(r'("""|' + r"''')(?s:.*?)(?:\1|\Z)|(?m:(?:^|[ \t])#.*$)")
SLASH_COMMENTS = re.compile(r"(?:(?<=\s)|\A)/\*(?s:.*?)(?:\*/|\Z)|(?m:(?:^|[ \t])//.*$)")

# What opens a database's file: what follows is its name.
OPENS = re.compile(
    r"\b(?:sqlite3|aiosqlite|pysqlite3|apsw)\.(?:connect|Connection)\("
    r"|\bsqlite_utils\.Database\(|\bSqlite(?:Ext|Queue|Cipher)?Database\("
    r'|\bsql\.Open\(\s*"sqlite3?"\s*,|\bsqlite\.Open\('
    r"|\bSQLite3::Database\.new\b\(?|\bnew\s+\\?SQLite3\(|\bnew\s+\\?PDO\((?=\s*['\"]sqlite:)"
)
PYTHON_NAME = re.compile(r"\bimport[ \t]+(?:sqlite3|aiosqlite)[ \t]+as[ \t]+(\w+)")
JS_MODULE = re.compile(r"['\"](?:better-sqlite3|sqlite3|node:sqlite|bun:sqlite|sqlite)['\"]")
JS_OPENS = re.compile(
    r"\bnew\s+(?:\w{1,40}\.)?\w{0,40}(?:[Dd]atabase(?:Sync)?|[Ss][Qq][Ll]ite3?)\s*\(|\brequire\(['\"]better-sqlite3['\"]\)\("
    r"|\bfilename\s*:"
)
# What settles on a database, where there may be others to choose from.
SETTINGS = re.compile(
    r"django\.db\.backends\.sqlite3"
    r"|\bsqlite(?:\+\w+)?:///(?:['\"]\s*\+|(?!:memory:)[^\s'\"`])|\bsqlite(?:\+\w+)?://(?=[\w.])"
    r"|\b(?:client|dialect|type)\s*:\s*['\"](?:better-)?sqlite3?['\"]"
    r"|(?m:^[ \t]*adapter:[ \t]*sqlite3\b|^[ \t]*provider[ \t]*=[ \t]*\"sqlite\")"
)
IN_MEMORY = re.compile(r":memory:|mode=memory|\A(?:\"\"|'')")
READ_ONLY = re.compile(r"\bmode=ro\b|\bimmutable=1|\bread[oO]nly\s*:\s*true|\bOPEN_READONLY\b")
# Words worth a closer look.
DATABASES = ("sqlite", "postgres", "psycopg", "asyncpg", "mysql", "mariadb", "libsql", "mssql")
ANOTHER_DATABASE = re.compile(r"postgres|psycopg|asyncpg|mysql|mariadb|libsql|mssql|['\"]pg['\"]", re.IGNORECASE)

# The environment: a name that is read, and an expression that is nothing else.
READS_VARIABLE = re.compile(
    r"(?:\benviron(?:\.get|\.setdefault)?|\b(?:getenv|Getenv)|\bENV(?:\.fetch)?|\b(?:env|config)(?:\.\w+)?)\s*[\[(]\s*['\"](\w+)"
    r"|\bprocess\.env(?:\.(\w+)|\[['\"](\w+))"
)
ENVIRONMENT_ONLY = re.compile(
    r"(?:\w+\.)?(?:environ(?:\.get)?|getenv|Getenv|ENV)\s*[\[(]\s*['\"]\w+['\"]\s*[\])]|\bprocess\.env(?:\.\w+|\[['\"]\w+['\"]\])!?"
)
DATA_VARIABLE = re.compile(r"DB|DATABASE|SQL|DATA|STORAGE|STORE|DSN|POSTGRES|^PG", re.IGNORECASE)

# A file or directory below /storage; an address of the app may begin like that too.
STORAGE_DATABASE = re.compile(r"(?:\bsqlite(?:\+\w+)?:///|(?<![\w./}*]))/storage/[^\s'\"`:]{0,200}\.(?:db|sqlite3?)\b")
STORAGE = re.compile(r"(?<=['\"`])/storage(?=/?['\"`]|/[\w.$])")
WEB_PATH = re.compile(
    r"rout|@\w|https?:|\b(?:href|src|url|uri|fetch|axios|redirect|location|proxy|link|endpoint|prefix)"
    r"|\.(?:get|post|put|patch|delete|head|use|all|mount|handle|startsWith|startswith|HandleFunc)\(\s*f?['\"`]/storage|(?-i:\b(?:re_)?path\()|\bMount\(|pathname",
    re.IGNORECASE,
)
