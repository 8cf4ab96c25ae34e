//! The example of Cypress's parallelisation guide: nineteen specs of Kitchen Sink, most of them a second or two long, and
//! about three seconds of fixed cost for each.

use crate::mesh::{Mesh, Terms};
use crate::{BenchError, Job, Suite, Table, seconds};
use part_core::rehearse::{Act, VirtualWorker};
use part_core::{Millis, Timestamp};

/// Seconds of each spec as the guide lists them: of its run on one machine, and of its run on two.
pub const SPECS: [(&str, u64, u64); 19] = [
    ("actions.cy.js", 14, 14),
    ("aliasing.cy.js", 1, 1),
    ("assertions.cy.js", 1, 1),
    ("connectors.cy.js", 2, 2),
    ("cookies.cy.js", 2, 3),
    ("cypress_api.cy.js", 3, 4),
    ("files.cy.js", 2, 3),
    ("local_storage.cy.js", 1, 2),
    ("location.cy.js", 1, 1),
    ("misc.cy.js", 4, 4),
    ("navigation.cy.js", 3, 3),
    ("network_requests.cy.js", 3, 3),
    ("querying.cy.js", 1, 2),
    ("spies_stubs_clocks.cy.js", 1, 1),
    ("traversal.cy.js", 4, 4),
    ("utilities.cy.js", 3, 3),
    ("viewport.cy.js", 3, 4),
    ("waiting.cy.js", 5, 6),
    ("window.cy.js", 1, 1),
];
/// What each process costs beside its specs: on one machine the guide's run took 111 s for 55 s of specs.
pub const FIXED: Millis = Millis(2950);
/// What the guide says that its runs took, on one machine and on two.
pub const PUBLISHED: [Millis; 2] = [Millis::seconds(111), Millis::seconds(59)];

/// The suite as it took on so many machines, with the run on one machine as its history.
pub fn suite(machines: u32) -> Suite {
    let jobs = SPECS.iter().map(|(name, one, two)| Job {
        history: vec![Millis::seconds(*one)],
        ..Job::new(*name, Millis::seconds(if machines == 1 { *one } else { *two }))
    });
    Suite { name: "Kitchen Sink".to_owned(), jobs: jobs.collect() }
}

/// How long Part takes on so many machines of one slot, with specs in processes of their own or sharing some.
pub fn makespan(machines: u32, batches: bool) -> Result<Millis, BenchError> {
    let machine = |number| VirtualWorker {
        capabilities: crate::mesh::capabilities(&[]),
        ..VirtualWorker::new(format!("machine {number}"), 1)
    };
    let terms = Terms { overhead: FIXED, batches, ..Terms::default() };
    let suites = vec![(Timestamp(0), suite(machines), terms)];
    let mesh = Mesh { workers: (0..machines).map(machine).collect(), suites, bounds: None };
    Ok(mesh.play(|_, job| Act::passes(job.takes))?.makespan())
}

/// No schedule is shorter that starts so many processes.
pub fn bound(machines: u32, processes: u64) -> Millis {
    let suite = suite(machines);
    let work = suite.work() + Millis(FIXED.0 * processes);
    Millis(work.0.div_ceil(u64::from(machines))).max(suite.longest() + FIXED)
}

/// The table.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    let mut table = Table::new(
        "Kitchen Sink: nineteen specs, 2.95 s for each process",
        "The durations that Cypress's parallelisation guide lists: those of its run on one machine are the history, and what one machine runs; from two machines on, those of its run on two. Times are virtual.",
        [
            "machines",
            "the guide's run",
            "bound, a process per spec",
            "**Part**",
            "bound, a process per machine",
            "**Part, specs share processes**",
        ],
    );
    for machines in 1..=4 {
        let published = PUBLISHED.get(machines as usize - 1).map_or("–".to_owned(), |time| seconds(*time));
        let cells = [
            published,
            seconds(bound(machines, SPECS.len() as u64)),
            seconds(makespan(machines, false)?),
            seconds(bound(machines, u64::from(machines))),
            seconds(makespan(machines, true)?),
        ];
        table.row(machines.to_string(), cells);
    }
    Ok(vec![table])
}
