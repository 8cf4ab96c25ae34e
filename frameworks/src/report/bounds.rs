//! Every bound of the report readers, with its reason. A report is written by code under test: nothing in it may
//! make us grow without limit.

/// Bytes of all files of one attempt's report together. A suite of 100,000 tests with their failures stays below
/// a third of it; a JSON document of this size takes a few hundred MiB while it is read.
pub const REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// Tests in one attempt's report. Far above any real spec, and what keeps a 64 MiB file of `<testcase/>` from
/// becoming gigabytes of results.
pub const REPORT_TESTS: usize = 2_000_000;

/// Bytes of all ids and names of one report. Nested suites repeat their titles in every test below them, so a
/// small file can stand for a lot of names.
pub const REPORT_NAME_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of one test's id or name. Parametrised tests put whole values into their names; nobody reads more.
/// A listing has to cut ids in the same way for them to match.
pub const NAME_BYTES: usize = 4 * 1024;

/// Bytes of a failure's message: what a summary shows.
pub const MESSAGE_BYTES: usize = 16 * 1024;

/// Bytes of a failure's detail: what is shown when somebody opens it. Large diffs are cut in the middle.
pub const DETAIL_BYTES: usize = 64 * 1024;

/// Bytes of one test's own output. The attempt's whole output is kept elsewhere.
pub const OUTPUT_BYTES: usize = 64 * 1024;

/// Notes per report; what comes later is counted.
pub const NOTES: usize = 50;

/// Errors outside tests per report; what comes later is counted. One is enough to fail the attempt.
pub const ERRORS: usize = 100;

/// Bytes of one note, and of the hostile part of an error's text.
pub const NOTE_BYTES: usize = 1024;

/// Open XML elements. Real reports nest suites five deep; each level costs memory while it is open.
pub const XML_DEPTH: usize = 128;

/// Attributes of one XML element. Real ones have a dozen.
pub const XML_ATTRIBUTES: usize = 256;

/// Levels of TAP subtests. Every level's results wait for the test point that closes it.
pub const TAP_DEPTH: usize = 64;

/// Places at which a JSON report is looked for when a program's own output stands before it. Each costs reading up to
/// the whole file.
pub const JSON_STARTS: usize = 16;
