//! What tests share: scripted runs and a scripted server.

mod script;
mod server;

pub(crate) use script::{
    BEGIN, RUN, Script, failed_test, finish, folded, output, passed_test, submission, summary,
    terrible_finish,
};
pub(crate) use server::{Scripted, Step};
