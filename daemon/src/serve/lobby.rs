//! Where connections wait that have not shown who they are: only so many for each address. When there is no room the
//! one that has waited longest goes, so that silent ones never keep a talking one out.

use crate::serve::Limits;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The waiting connections by address; at most as many as there are connections.
pub(crate) struct Lobby {
    most: usize,
    rest: Duration,
    waiting: Mutex<HashMap<IpAddr, VecDeque<Waiting>>>,
    next: AtomicU64,
}

struct Waiting {
    number: u64,
    since: Instant,
    leave: CancellationToken,
}

/// A connection's place in the lobby, until it is proven or dropped.
pub(crate) struct Ticket {
    lobby: Arc<Lobby>,
    address: IpAddr,
    number: u64,
    leave: CancellationToken,
    proven: CancellationToken,
}

impl Lobby {
    pub(crate) fn new(most: usize, limits: &Limits) -> Arc<Lobby> {
        let (waiting, next) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Lobby { most, rest: limits.unproven_rest, waiting, next })
    }

    /// Lets a connection in; none when too many of its address came just now.
    pub(crate) fn enter(self: &Arc<Lobby>, address: IpAddr) -> Option<Arc<Ticket>> {
        let address = neighbourhood(address);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let leave = CancellationToken::new();
        let mut all = self.lock();
        let waiting = all.entry(address).or_default();
        if waiting.len() >= self.most {
            let oldest = waiting.pop_front_if(|oldest| oldest.since.elapsed() >= self.rest)?;
            oldest.leave.cancel();
        }
        waiting.push_back(Waiting { number, since: Instant::now(), leave: leave.clone() });
        let proven = CancellationToken::new();
        Some(Arc::new(Ticket { lobby: Arc::clone(self), address, number, leave, proven }))
    }

    fn leave(&self, ticket: &Ticket) {
        let mut all = self.lock();
        if let Some(waiting) = all.get_mut(&ticket.address) {
            waiting.retain(|one| one.number != ticket.number);
            if waiting.is_empty() {
                all.remove(&ticket.address);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, VecDeque<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.lock().values().map(VecDeque::len).sum()
    }
}

impl Ticket {
    /// It is known who is there: the connection no longer waits.
    pub(crate) fn prove(&self) {
        if !self.proven.is_cancelled() {
            self.proven.cancel();
            self.lobby.leave(self);
        }
    }

    /// True once it is known who is there.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven.is_cancelled()
    }

    /// Resolves when another connection takes the place of this one.
    pub(crate) async fn evicted(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.proven.is_cancelled() {
            self.lobby.leave(self);
        }
    }
}

/// What counts as one address: in IPv6 a host has a whole network to choose from.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lobby(rest: Duration) -> Arc<Lobby> {
        Lobby::new(2, &Limits { unproven_rest: rest, ..Limits::DEFAULT })
    }

    #[test]
    fn the_oldest_makes_place_and_who_is_proven_stays() {
        let lobby = lobby(Duration::ZERO);
        let here: IpAddr = "10.0.0.1".parse().expect("an address");
        let first = lobby.enter(here).expect("room");
        let second = lobby.enter("::ffff:10.0.0.1".parse().expect("the same")).expect("room");
        first.prove();
        let third = lobby.enter(here).expect("room");
        assert!(!first.leave.is_cancelled() && !second.leave.is_cancelled());
        let fourth = lobby.enter(here).expect("the second makes place");
        assert!(second.leave.is_cancelled() && !third.leave.is_cancelled());
        // Who was sent away leaves no hole behind.
        drop(second);
        assert_eq!(lobby.waiting(), 2);
        drop((first, third, fourth));
        assert_eq!(lobby.waiting(), 0);
        assert!(lobby.lock().is_empty(), "nothing is kept of addresses that are gone");
    }

    #[test]
    fn who_just_came_is_left_in_peace_and_others_have_room_of_their_own() {
        let lobby = lobby(Duration::from_secs(3600));
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let held: Vec<_> = (0..2).map(|_| lobby.enter(address("2001:db8::1")).expect("room")).collect();
        assert!(lobby.enter(address("2001:db8::2")).is_none(), "the same network");
        assert!(lobby.enter(address("2001:db8:0:1::1")).is_some());
        assert!(lobby.enter(address("10.0.0.1")).is_some());
        drop(held);
        assert!(lobby.enter(address("2001:db8::2")).is_some());
    }
}
