//! What tests share: scripted runs and a scripted server.

mod script;

pub(crate) use script::{RUN, Script, failed_test, finish, passed_test};
