//! placeholder
pub struct Packing;
pub struct PackingPlan;
pub fn pack() {}
