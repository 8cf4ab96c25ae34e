//! `partctl --local` as people use it: real processes, real specs, real mistakes.

mod interrupted;
mod project;
mod results;
mod together;
