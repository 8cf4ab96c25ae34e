//! Guards that can be taken away, to see whether the checks would notice.

/// One guard less. Mutants are switches in the models and adapters around the real core and desk, never in those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// The store takes commits of any term.
    CommitsOfAnyTerm,
    /// The store takes commits of any term; leaders rely on their lease's deadline instead.
    LeadsByTimeOnly,
    /// What needs no record leaves the leader without the store having confirmed its term.
    EffectsOfAnyTerm,
    /// A leader that has nothing to record never asks whether its term still stands.
    NeverLooksAtTerm,
    /// A worker remembers no term: it obeys whoever speaks to it, and says that it has seen none.
    ForgetsTerms,
    /// A report is taken for the newest attempt of its spec, whichever it is about.
    IgnoresAttemptNumbers,
    /// A batch of tests is recorded as often as it comes.
    TakesReportsTwice,
    /// A new leader gives its workers no time to come back: it assigns at once.
    NoAdoptionWait,
    /// A new leader takes every attempt that it finds for lost.
    NoAdoption,
    /// Effects leave before their records are committed.
    EffectsBeforeCommit,
    /// Acknowledgements leave before the records are committed.
    AcknowledgesBeforeCommit,
    /// A worker takes its reports for durable when the link closes.
    DropsReportsWithLink,
    /// A worker sends each report once, and not again over the next link.
    NeverSendsAgain,
    /// A slot starts an attempt while another one runs.
    SharesSlots,
    /// A restarted worker takes nothing over from its earlier life.
    NoTakeover,
    /// Orders made for an earlier link go out over the next one.
    OrdersOverNewerLinks,
    /// What comes over a link that was replaced still counts.
    HearsOldLinks,
    /// A submission whose run has ended is taken for a new one.
    ForgetsSubmissions,
    /// The links of workers that were given up stay open.
    KeepsLinksOfTheLost,
    /// A leader that was stopped holds the silence of that time against its workers.
    IgnoresPauses,
    /// A watcher that comes back is served from the newest event on.
    ForgetsCursors,
    /// A daemon that tried to take the leader key takes itself for the winner, whoever holds it.
    PhantomWins,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 22] = [
        Mutant::CommitsOfAnyTerm,
        Mutant::LeadsByTimeOnly,
        Mutant::EffectsOfAnyTerm,
        Mutant::NeverLooksAtTerm,
        Mutant::ForgetsTerms,
        Mutant::IgnoresAttemptNumbers,
        Mutant::TakesReportsTwice,
        Mutant::NoAdoptionWait,
        Mutant::NoAdoption,
        Mutant::EffectsBeforeCommit,
        Mutant::AcknowledgesBeforeCommit,
        Mutant::DropsReportsWithLink,
        Mutant::NeverSendsAgain,
        Mutant::SharesSlots,
        Mutant::NoTakeover,
        Mutant::OrdersOverNewerLinks,
        Mutant::HearsOldLinks,
        Mutant::ForgetsSubmissions,
        Mutant::KeepsLinksOfTheLost,
        Mutant::IgnoresPauses,
        Mutant::ForgetsCursors,
        Mutant::PhantomWins,
    ];
}
