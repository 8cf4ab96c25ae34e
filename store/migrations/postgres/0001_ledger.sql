-- The ledger of every run, what is derived from it in the same transaction, and what a mesh needs besides.
-- Times are milliseconds since the Unix epoch by the leader's clock, durations are milliseconds.
--
-- Texts are compared byte by byte (COLLATE "C"), so that orders and prefixes do not depend on the server's locale.
-- Only texts of our own making are in an index: PostgreSQL refuses index entries beyond some 2,700 bytes, and the
-- name of a project or spec may be longer.
-- There are no foreign keys: each would be looked up for each row, and every row is written by the transaction that
-- checked its run.

CREATE TABLE part_schema (
    version INTEGER NOT NULL
);

-- Leadership scopes. A commit is accepted only under a realm's current term.
CREATE TABLE realms (
    name   TEXT COLLATE "C" PRIMARY KEY,
    term   BIGINT NOT NULL,
    holder TEXT -- JSON written by the holder; NULL once it gave the term back
) WITH (fillfactor = 50);

-- One row for each run: derived from its entries. `key` grows in the order of opening.
-- The room left in each page lets the many updates of a row stay in it, without touching an index.
CREATE TABLE runs (
    key          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    realm        TEXT COLLATE "C" NOT NULL,
    submission   TEXT COLLATE "C" NOT NULL UNIQUE, -- 32 hexadecimal digits
    project      TEXT COLLATE "C" NOT NULL,
    build        TEXT NOT NULL,
    user_name    TEXT NOT NULL,
    host         TEXT NOT NULL,
    revision     TEXT NOT NULL,
    branch       TEXT NOT NULL,
    rerun_of     TEXT,
    opened_at    BIGINT NOT NULL,
    last_number  BIGINT NOT NULL,
    specs        BIGINT NOT NULL,
    passed       BIGINT NOT NULL,
    flaky        BIGINT NOT NULL,
    carried      BIGINT NOT NULL,
    failed       BIGINT NOT NULL,
    cancelled    BIGINT NOT NULL,
    cancelling   BOOLEAN NOT NULL,
    finished_at  BIGINT,
    verdict      TEXT,
    summary      TEXT -- JSON
) WITH (fillfactor = 50);

CREATE INDEX runs_unfinished ON runs (realm, key) WHERE finished_at IS NULL;
CREATE INDEX runs_finished ON runs (finished_at, key) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_of_project ON runs (left(project, 100), key);

-- The ledger itself. `format` tells how `body` is encoded: 1 is a record as JSON. It is no JSONB, which would keep
-- neither the order nor the spelling of what was written.
CREATE TABLE entries (
    run    BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    format SMALLINT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (run, number)
);

-- What the history of a spec is kept under. The key is the digest of the four names, so that nobody has to look it
-- up before a row of the history is written.
CREATE TABLE series (
    key     BYTEA PRIMARY KEY,
    project TEXT COLLATE "C" NOT NULL,
    suite   TEXT COLLATE "C" NOT NULL,
    class   TEXT COLLATE "C" NOT NULL,
    spec    TEXT COLLATE "C" NOT NULL
);

-- One row for each attempt that ended. It outlives its run, so it names the run by its id.
CREATE TABLE history (
    series      BYTEA NOT NULL,
    at          BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    spec        BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    counts      BOOLEAN NOT NULL, -- true when the duration may be used for forecasts
    verdict     TEXT NOT NULL,
    run         TEXT COLLATE "C" NOT NULL
);

CREATE INDEX history_of_series ON history (series, at);

-- The blobs that a run refers to by itself.
CREATE TABLE blob_refs (
    run      BIGINT NOT NULL,
    digest   BYTEA NOT NULL,
    bytes    BIGINT NOT NULL, -- 0 for a manifest
    manifest BOOLEAN NOT NULL, -- true for a workspace's manifest, which names further blobs
    PRIMARY KEY (run, digest)
);

CREATE INDEX blob_refs_of_digest ON blob_refs (digest, bytes);
CREATE INDEX blob_refs_to_manifests ON blob_refs (digest) WHERE manifest;

-- Hosts that an operator keeps new work off.
CREATE TABLE drains (
    host       TEXT COLLATE "C" PRIMARY KEY,
    drained_by TEXT NOT NULL
);

CREATE TABLE tokens (
    id         TEXT COLLATE "C" PRIMARY KEY,
    hash       BYTEA NOT NULL, -- BLAKE3 of the secret
    role       TEXT NOT NULL,
    label      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT, -- NULL: never
    uses_left  BIGINT, -- NULL: without limit
    revoked    BOOLEAN NOT NULL
);
