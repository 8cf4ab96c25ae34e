-- The ledger of every run, and what is derived from it in the same transaction.
-- Times are milliseconds since the Unix epoch by the leader's clock, durations are milliseconds.

PRAGMA application_id = 1348563572; -- "Part"

-- Leadership scopes. A commit is accepted only under a realm's current term.
CREATE TABLE realms (
    name   TEXT NOT NULL PRIMARY KEY,
    term   INTEGER NOT NULL,
    holder TEXT -- JSON written by the holder; NULL once it gave the term back
) STRICT, WITHOUT ROWID;

-- One row for each run: derived from its entries. `key` grows in the order of opening.
CREATE TABLE runs (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    realm        TEXT NOT NULL REFERENCES realms (name),
    submission   TEXT NOT NULL UNIQUE, -- 32 hexadecimal digits
    project      TEXT NOT NULL,
    build        TEXT NOT NULL,
    user         TEXT NOT NULL,
    host         TEXT NOT NULL,
    revision     TEXT NOT NULL,
    branch       TEXT NOT NULL,
    rerun_of     TEXT,
    opened_at    INTEGER NOT NULL,
    last_number  INTEGER NOT NULL,
    specs        INTEGER NOT NULL,
    passed       INTEGER NOT NULL,
    flaky        INTEGER NOT NULL,
    carried      INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    cancelled    INTEGER NOT NULL,
    cancelling   INTEGER NOT NULL, -- 0 or 1
    finished_at  INTEGER,
    verdict      TEXT,
    summary      TEXT -- JSON
) STRICT;

CREATE INDEX runs_unfinished ON runs (realm, key) WHERE finished_at IS NULL;
CREATE INDEX runs_of_project ON runs (project, key);

-- The ledger itself. `format` tells how `body` is encoded: 1 is a record as JSON.
CREATE TABLE entries (
    run    INTEGER NOT NULL REFERENCES runs (key),
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    format INTEGER NOT NULL,
    body   TEXT NOT NULL,
    UNIQUE (run, number)
) STRICT;

-- What the history of a spec is kept under.
CREATE TABLE series (
    key     INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    suite   TEXT NOT NULL,
    class   TEXT NOT NULL,
    spec    TEXT NOT NULL,
    UNIQUE (project, suite, class, spec)
) STRICT;

-- One row for each attempt that ended. It outlives its run, so it names the run by its id.
CREATE TABLE history (
    series      INTEGER NOT NULL REFERENCES series (key),
    at          INTEGER NOT NULL,
    run         TEXT NOT NULL,
    spec        INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    verdict     TEXT NOT NULL,
    counts      INTEGER NOT NULL, -- 1 when the duration may be used for forecasts
    PRIMARY KEY (series, at, run, spec, attempt)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
