-- Everything of a batch in one statement, so that a commit takes four turns to the server and back: begin, check,
-- this, commit. Arrays stand for rows; `place` is a run's place among the runs of the batch.
--
-- $1 the runs as JSON; $2-$5 the entries; $6-$10 the names of series; $11-$19 rows of the history;
-- $20-$23 references to blobs; $24-$26 submissions that join, $27 places of runs whose newest one is dropped first;
-- $28-$30 attempts that share a process.
--
-- Comes back with the places of the runs that were brought up to date. One that is missing got further, or was
-- forgotten, since it was read: then the batch does not fit and the caller rolls everything back.
WITH given AS MATERIALIZED (
    SELECT *
    FROM json_to_recordset($1::json) AS g (
        place INTEGER, key BIGINT, before BIGINT,
        id TEXT COLLATE "C", realm TEXT, submission TEXT, project TEXT, build TEXT, attempt BIGINT,
        user_name TEXT, host TEXT, revision TEXT, branch TEXT, rerun_of TEXT, url TEXT, ci TEXT, opened_at BIGINT,
        last_number BIGINT, specs BIGINT, passed BIGINT, flaky BIGINT, carried BIGINT, failed BIGINT,
        cancelled BIGINT, cancelling BOOLEAN, finished_at BIGINT, verdict TEXT, summary TEXT
    )
), opened AS (
    INSERT INTO runs (
        id, realm, submission, project, build, attempt, user_name, host, revision, branch, rerun_of, url, ci,
        opened_at, last_number, specs, passed, flaky, carried, failed, cancelled, cancelling, finished_at, verdict,
        summary
    )
    SELECT
        id, realm, submission, project, build, attempt, user_name, host, revision, branch, rerun_of, url, ci,
        opened_at, last_number, specs, passed, flaky, carried, failed, cancelled, cancelling, finished_at, verdict,
        summary
    FROM given WHERE key IS NULL ORDER BY place
    RETURNING key, id
), advanced AS (
    UPDATE runs AS r
    SET last_number = g.last_number, specs = g.specs, passed = g.passed, flaky = g.flaky, carried = g.carried,
        failed = g.failed, cancelled = g.cancelled, cancelling = g.cancelling,
        finished_at = coalesce(g.finished_at, r.finished_at), verdict = coalesce(g.verdict, r.verdict),
        summary = coalesce(g.summary, r.summary)
    FROM given AS g
    WHERE r.key = g.key AND r.last_number = g.before
    RETURNING r.key, g.place
), present AS MATERIALIZED (
    SELECT key, place FROM advanced
    UNION ALL
    SELECT opened.key, given.place FROM opened JOIN given ON given.id = opened.id
), recorded AS (
    INSERT INTO entries (run, number, at, format, body)
    SELECT present.key, e.number, e.at, 1, e.body
    FROM unnest($2::INTEGER[], $3::BIGINT[], $4::BIGINT[], $5::TEXT[]) AS e (place, number, at, body)
    JOIN present ON present.place = e.place
), named AS (
    INSERT INTO series (key, project, suite, class, spec)
    SELECT * FROM unnest($6::BYTEA[], $7::TEXT[], $8::TEXT[], $9::TEXT[], $10::TEXT[])
    ON CONFLICT (key) DO NOTHING
), ended AS (
    -- An attempt that ends was given to its worker by an earlier batch: its row is there to be seen.
    INSERT INTO history (series, at, duration_ms, spec, attempt, counts, verdict, run, tests_ms, batched)
    SELECT h.*, EXISTS (SELECT FROM batched AS b WHERE b.run = h.run AND b.spec = h.spec AND b.attempt = h.attempt)
    FROM unnest(
        $11::BYTEA[], $12::BIGINT[], $13::BIGINT[], $14::BIGINT[], $15::BIGINT[], $16::BOOLEAN[], $17::TEXT[],
        $18::TEXT[], $19::BIGINT[]
    ) AS h (series, at, duration_ms, spec, attempt, counts, verdict, run, tests_ms)
), referred AS (
    INSERT INTO blob_refs (run, digest, bytes, manifest)
    SELECT present.key, b.digest, b.bytes, b.manifest
    FROM unnest($20::INTEGER[], $21::BYTEA[], $22::BIGINT[], $23::BOOLEAN[]) AS b (place, digest, bytes, manifest)
    JOIN present ON present.place = b.place
    ON CONFLICT DO NOTHING
), joining AS (
    INSERT INTO joined (submission, run, number)
    SELECT j.submission, present.key, j.number
    FROM unnest($24::INTEGER[], $25::TEXT[], $26::BIGINT[]) AS j (place, submission, number)
    JOIN present ON present.place = j.place
), dropped AS (
    DELETE FROM joined AS j USING given AS g
    WHERE g.place = ANY($27::INTEGER[]) AND j.run = g.key
      AND j.number = (SELECT max(number) FROM joined WHERE run = g.key)
), sharing AS (
    INSERT INTO batched (run, spec, attempt)
    SELECT * FROM unnest($28::TEXT[], $29::BIGINT[], $30::BIGINT[])
    ON CONFLICT DO NOTHING
), shared AS (
    DELETE FROM batched AS b USING runs AS r, given AS g
    WHERE g.finished_at IS NOT NULL AND r.key = g.key AND b.run = r.id
)
SELECT place FROM present
