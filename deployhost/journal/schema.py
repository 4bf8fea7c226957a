"""The journal's tables, as migrations: each runs once, in order, in one transaction with its record."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE deploys (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        app           TEXT NOT NULL,
        sha           TEXT NOT NULL,
        subject       TEXT NOT NULL DEFAULT '',
        branch        TEXT,                       -- the branch to move when it is live; NULL: none
        trigger       TEXT NOT NULL,              -- push, manual, restart, settings
        rebuild       INTEGER NOT NULL DEFAULT 0,
        status        TEXT NOT NULL,              -- queued, running, live, failed, superseded, cancelled
        stage         TEXT NOT NULL DEFAULT '',   -- the stage that was begun last
        attempt       INTEGER NOT NULL DEFAULT 0,
        version       TEXT,
        container     TEXT,                       -- full id, known before it is started
        port          INTEGER,
        requested_at  REAL NOT NULL,              -- unix seconds
        started_at    REAL,
        live_at       REAL,
        finished_at   REAL,
        superseded_by INTEGER,
        error         TEXT                        -- JSON of errors.DeployhostError.to_json
    );
    CREATE INDEX deploys_by_app ON deploys (app, id);
    CREATE INDEX deploys_open ON deploys (status) WHERE status IN ('queued', 'running');

    CREATE TABLE phases (
        deploy INTEGER NOT NULL REFERENCES deploys (id) ON DELETE CASCADE,
        name   TEXT NOT NULL,
        ms     REAL NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (deploy, name)
    ) WITHOUT ROWID;

    CREATE TABLE pushes (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        app         TEXT NOT NULL,
        ref         TEXT NOT NULL,
        old         TEXT NOT NULL,
        new         TEXT NOT NULL,
        deploy      INTEGER REFERENCES deploys (id) ON DELETE CASCADE,
        received_at REAL NOT NULL
    );

    CREATE TABLE releases (
        app        TEXT NOT NULL,
        version    TEXT NOT NULL,
        sha        TEXT NOT NULL,
        subject    TEXT NOT NULL,
        image      TEXT NOT NULL,                 -- the image's id
        container  TEXT NOT NULL,
        port       INTEGER NOT NULL,
        deploy     INTEGER NOT NULL,
        live_since REAL NOT NULL,
        is_live    INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (app, version)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX one_live_release ON releases (app) WHERE is_live;

    CREATE TABLE drains (
        container TEXT PRIMARY KEY,               -- stops once its requests are done, at the latest at stop_at
        app       TEXT NOT NULL,
        stop_at   REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE pushes ADD COLUMN token TEXT;     -- the hook's own name of the push, the same however often it asks
    CREATE UNIQUE INDEX pushes_by_token ON pushes (token);
    """,
    """
    CREATE TABLE removals (                       -- apps whose removal has begun, and is finished after a crash
        app     TEXT PRIMARY KEY,
        storage INTEGER NOT NULL                  -- whether the data goes too
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE deploys ADD COLUMN target TEXT;                        -- the release that a rollback goes back to
    ALTER TABLE deploys ADD COLUMN reason TEXT NOT NULL DEFAULT '';    -- why deployhost itself asked for it
    ALTER TABLE deploys ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0;  -- a person wants it to end
    ALTER TABLE releases ADD COLUMN failed TEXT NOT NULL DEFAULT '';   -- why it was rolled back automatically
    ALTER TABLE releases ADD COLUMN proven_at REAL;                    -- when it had lived through its first minute
    CREATE TABLE holds (                          -- requests that the proxy holds; to be let go whatever happens
        app        TEXT PRIMARY KEY,
        deploy     INTEGER NOT NULL,
        proxy      TEXT NOT NULL,                 -- the proxy's process that was told so
        containers TEXT NOT NULL,                 -- JSON: ids of what served until then, the web process first
        since      REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE builds (                         -- when builds of ours ran: what BuildKit cached meanwhile is ours
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        started_at REAL NOT NULL,
        ended_at   REAL NOT NULL                  -- while it runs, and after a crash: the last that was seen of it
    );
    """,
    """
    ALTER TABLE releases ADD COLUMN stopped TEXT NOT NULL DEFAULT '';  -- how a person stopped it, as long as it stays so
    """,
    """
    -- Its app was removed while it ran: it is none of the next app's of that name, and goes at the next start.
    ALTER TABLE deploys ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
    UPDATE deploys SET forgotten = 1 WHERE status = 'cancelled' AND error LIKE '%"app_not_found"%';
    """,
    """
    -- The digest of the entry that the removal takes out of apps.yml: a different entry of that name is a new app's.
    ALTER TABLE removals ADD COLUMN taken_from TEXT NOT NULL DEFAULT '';
    """,
    """
    CREATE TABLE runs (                           -- the last run of each periodic job that a restart must not forget
        job      TEXT NOT NULL,
        app      TEXT NOT NULL,                   -- '' for a job of the whole server
        begun_at REAL NOT NULL,                   -- unix seconds
        ended_at REAL,                            -- NULL while it runs, and of one that broke off
        done_at  REAL,                            -- when it last ended well: this run, if that is when it ended
        error    TEXT NOT NULL DEFAULT '',        -- why it failed
        PRIMARY KEY (job, app)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE sources (                        -- the repository on GitHub that an app is deployed from, pinned by its id
        app            TEXT PRIMARY KEY,
        connection     TEXT NOT NULL,             -- the connection by which it was seen last
        host           TEXT NOT NULL,             -- the address of that GitHub
        repository     INTEGER NOT NULL,          -- GitHub's id, which outlives renames and transfers
        written        TEXT NOT NULL,             -- OWNER/REPO as apps.yml has it
        current        TEXT NOT NULL,             -- OWNER/REPO as GitHub has it; apps.yml gets it next
        default_branch TEXT,
        skipped        TEXT,                      -- the head that was not to be deployed when the app was added
        skipped_after  INTEGER NOT NULL DEFAULT 0 -- the highest number of a deploy by then
    ) WITHOUT ROWID;
    CREATE INDEX sources_by_repository ON sources (repository);
    CREATE TABLE source_problems (                -- why an app's repository can't be looked at
        app   TEXT PRIMARY KEY,
        error TEXT NOT NULL,                      -- JSON of errors.DeployhostError.to_json
        since REAL NOT NULL                       -- unix seconds
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE commit_statuses (                -- what was posted last to GitHub of a commit, for an app
        app         TEXT NOT NULL,
        sha         TEXT NOT NULL,
        repository  INTEGER NOT NULL,             -- GitHub's id
        connection  TEXT NOT NULL,
        deploy      INTEGER NOT NULL,             -- the deploy that it tells of
        state       TEXT NOT NULL,                -- pending, success, failure, error
        posted_at   REAL NOT NULL,                -- unix seconds
        PRIMARY KEY (app, sha, repository)
    ) WITHOUT ROWID;
    CREATE INDEX deploys_by_time ON deploys (requested_at);
    """,
    """
    CREATE TABLE given_up (                       -- domains whose other DNS records a person gave up; ours is not in their place yet
        domain TEXT PRIMARY KEY,
        app    TEXT NOT NULL,
        zone   TEXT NOT NULL                      -- the zone's id at Cloudflare
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE uids (                           -- the user that an app's generated images run as
        app TEXT PRIMARY KEY,                     -- also one that was removed: its number is nobody else's
        uid INTEGER NOT NULL UNIQUE
    ) WITHOUT ROWID;
    CREATE TABLE storage_owners (                 -- storage in the hands of a release that is not live yet
        app    TEXT PRIMARY KEY,
        owners TEXT NOT NULL                      -- JSON: uid and gid of each owner that its files may have, the old one first
    ) WITHOUT ROWID;
    """,
    """
    -- Apps from before the setting build_credentials: whether their builds used what the host logs in with is still to be decided.
    CREATE TABLE lent_before (app TEXT PRIMARY KEY) WITHOUT ROWID;
    INSERT INTO lent_before SELECT DISTINCT app FROM releases;
    """,
)
