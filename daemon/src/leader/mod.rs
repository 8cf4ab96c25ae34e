//! The leader: a mailbox in front of the core, and the loop that commits before anything is seen.

mod driver;
mod links;
mod mailbox;
#[cfg(test)]
mod tests;

pub(crate) use driver::{Ended, Leader, LeaderOptions, load};
pub(crate) use links::{LinkId, LinkSender};
pub(crate) use mailbox::{Mailbox, Unanswered, mailbox};
