//! A few threads that share a list of things to do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many threads are worth while here.
pub(crate) fn count(most: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(most)
}

/// Does `work` for every item on so many threads, in runs of `run` neighbours. The first error ends it.
pub(crate) fn for_each<T: Sync, E: Send>(
    items: &[T],
    threads: usize,
    run: usize,
    work: impl Fn(usize, &T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let share = || {
        while !over.load(Ordering::Relaxed) {
            let start = next.fetch_add(run, Ordering::Relaxed);
            let Some(rest) = items.get(start..).filter(|rest| !rest.is_empty()) else { return };
            for (place, item) in rest.iter().take(run).enumerate() {
                if let Err(error) = work(start + place, item) {
                    over.store(true, Ordering::Relaxed);
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    return;
                }
            }
        }
    };
    if threads <= 1 || items.len() <= run {
        share();
    } else {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(share);
            }
            share();
        });
    }
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once_and_the_first_error_ends_it() {
        let items: Vec<usize> = (0..1000).collect();
        let done: Vec<AtomicUsize> = items.iter().map(|_| AtomicUsize::new(0)).collect();
        let all: Result<(), ()> = for_each(&items, 4, 7, |place, item| {
            assert_eq!(place, *item);
            done[place].fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        assert!(all.is_ok() && done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
        assert_eq!(
            for_each(&items, 4, 7, |_, item| if *item == 500 { Err("500") } else { Ok(()) }),
            Err("500")
        );
        assert_eq!(for_each(&[0; 0], 4, 7, |_, _: &i32| Err("none")), Ok(()));
    }
}
