-- What balancing needs: attempts of a build, submissions that join a run, and what of a duration is the tests' own.

ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN url TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN ci TEXT NOT NULL DEFAULT '';

CREATE INDEX runs_of_build ON runs (build, project, key);

-- Submissions that joined a run which another had opened; `number` is that of the entry that says so.
CREATE TABLE joined (
    submission TEXT NOT NULL PRIMARY KEY, -- 32 hexadecimal digits
    run        INTEGER NOT NULL REFERENCES runs (key),
    number     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX joined_of_run ON joined (run, number);

-- Attempts of unfinished runs that share a process: what ends says by itself only how long it took.
CREATE TABLE batched (
    run     TEXT NOT NULL,
    spec    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (run, spec, attempt)
) STRICT, WITHOUT ROWID;

ALTER TABLE history ADD COLUMN tests_ms INTEGER; -- NULL: the tests did not say
ALTER TABLE history ADD COLUMN batched INTEGER NOT NULL DEFAULT 0; -- 1 when it shared its process

PRAGMA user_version = 3;
