-- What a mesh needs besides the ledger: drained hosts, tokens, and which blobs a run still needs.

CREATE INDEX runs_finished ON runs (finished_at, key) WHERE finished_at IS NOT NULL;

-- Hosts that an operator keeps new work off.
CREATE TABLE drains (
    host       TEXT NOT NULL PRIMARY KEY,
    drained_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       BLOB NOT NULL, -- BLAKE3 of the secret
    role       TEXT NOT NULL,
    label      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER, -- NULL: never
    uses_left  INTEGER, -- NULL: without limit
    revoked    INTEGER NOT NULL -- 0 or 1
) STRICT, WITHOUT ROWID;

-- The blobs that a run refers to by itself.
CREATE TABLE blob_refs (
    run      INTEGER NOT NULL REFERENCES runs (key),
    digest   BLOB NOT NULL,
    bytes    INTEGER NOT NULL, -- 0 for a manifest
    manifest INTEGER NOT NULL, -- 1 when the blob is a workspace's manifest, which names further blobs
    PRIMARY KEY (run, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_refs_of_digest ON blob_refs (digest, bytes);

-- The blobs of the runs that are there already, or retention would take them away. An entry that is no JSON is
-- damaged and found when it is read; it does not keep the store shut.
CREATE TEMP TABLE ended AS
SELECT run, body FROM entries
WHERE (body LIKE '%"blob":"%' OR body LIKE '%"digest":"%')
  AND CASE WHEN json_valid(body) THEN body ->> '$.kind' END = 'attempt_finished';

INSERT OR IGNORE INTO blob_refs (run, digest, bytes, manifest)
SELECT run, unhex(body ->> '$.finish.output.blob'),
       CAST(min(max((body ->> '$.finish.output.total_bytes')
                    - coalesce(body ->> '$.finish.output.dropped_bytes', 0), 0), 17592186044416) AS INTEGER),
       0
FROM ended
WHERE length(unhex(body ->> '$.finish.output.blob')) = 32;

INSERT OR IGNORE INTO blob_refs (run, digest, bytes, manifest)
SELECT ended.run, unhex(artifact.value ->> '$.digest'),
       CAST(min(artifact.value ->> '$.bytes', 17592186044416) AS INTEGER), 0
FROM ended JOIN json_each(ended.body, '$.finish.artifacts') AS artifact
WHERE length(unhex(artifact.value ->> '$.digest')) = 32;

DROP TABLE ended;

PRAGMA user_version = 2;
