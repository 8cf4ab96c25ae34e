//! Many runs at a time: a load of runs of all sizes, and a small simulation of rules for which run is served next, to
//! stand beside the core's own.

mod load;
mod order;
mod sim;

pub use load::{Arrival, RushPlan};
pub use order::Order;
pub use sim::serve;
