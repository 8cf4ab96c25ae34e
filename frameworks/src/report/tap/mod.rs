//! Test Anything Protocol, versions 12 to 14, with subtests as TAP 14 and node:test write them.
//!
//! **Ids.** Descriptions of the enclosing tests and of the test, joined by ` > `; `test N` where there is none.
//!
//! A test with subtests stands for them: it is a result of its own only where it failed by itself. `# TODO` counts as
//! skipped, whatever came of it. The plan has to be met: fewer tests than planned, or no plan at all, is a report
//! that was cut off, unless the producer bailed out. Lines that are no TAP are passed over, as TAP demands.

mod line;
mod stream;
mod yaml;

pub(super) use stream::read;
