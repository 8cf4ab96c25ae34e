-- What balancing needs: attempts of a build, submissions that join a run, and what of a duration is the tests' own.

ALTER TABLE runs ADD COLUMN attempt BIGINT NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN url TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN ci TEXT NOT NULL DEFAULT '';

CREATE INDEX runs_of_build ON runs (left(build, 100), left(project, 100), key);

-- Submissions that joined a run which another had opened; `number` is that of the entry that says so.
CREATE TABLE joined (
    submission TEXT COLLATE "C" PRIMARY KEY, -- 32 hexadecimal digits
    run        BIGINT NOT NULL,
    number     BIGINT NOT NULL
);

CREATE INDEX joined_of_run ON joined (run, number);

-- Attempts of unfinished runs that share a process: what ends says by itself only how long it took.
CREATE TABLE batched (
    run     TEXT COLLATE "C" NOT NULL,
    spec    BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    PRIMARY KEY (run, spec, attempt)
);

ALTER TABLE history ADD COLUMN tests_ms BIGINT; -- NULL: the tests did not say
ALTER TABLE history ADD COLUMN batched BOOLEAN NOT NULL DEFAULT false; -- true when it shared its process

CREATE INDEX series_of_suite ON series (left(project, 100), left(suite, 100), left(class, 100));
