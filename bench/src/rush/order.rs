//! Rules for which run is served next: what others do, and what could be done.

/// A rule for the order between runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// The run that came first.
    FirstCome,
    /// The longest spec of all runs.
    LongestSpec,
    /// The run that has the fewest slots.
    EqualSlots,
    /// The run that was given the least slot time; one that comes starts level with the least of the others.
    LeastServed,
    /// The run with the least work left.
    Shortest,
    /// The project that was given the least slot time, and of it the run with the least of: work left, plus so many
    /// slots times its moment of arrival. Every so many turns, the run of that project that was given least.
    Blend {
        /// Slots: how much a run gains by waiting.
        aging: f64,
        /// Of so many turns one is guaranteed; 0 for none.
        turn: u32,
    },
}

impl Order {
    /// Those that tables show.
    pub const ALL: [Order; 6] = [
        Order::FirstCome,
        Order::LongestSpec,
        Order::EqualSlots,
        Order::LeastServed,
        Order::Shortest,
        Order::Blend { aging: 0.25, turn: 8 },
    ];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Order::FirstCome => "first come, first served",
            Order::LongestSpec => "one queue, longest spec first",
            Order::EqualSlots => "equal numbers of slots",
            Order::LeastServed => "least slot time so far",
            Order::Shortest => "least work left",
            Order::Blend { .. } => "projects by share, least work left inside",
        }
    }
}
