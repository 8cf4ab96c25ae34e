//! Keeps a lease alive over one stream.

use super::lease::beat;
use super::link::Link;
use super::model::Event;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// What the keeper and the watcher tell: over which connection, and what.
pub(super) type News = (u64, Event);

/// Sends keep-alives until one fails or the lease is gone, and tells each answer. The last thing it tells is why it ended.
pub(super) async fn keep(link: Link, lease: i64, ttl: Duration, news: Sender<News>) {
    let tell = |event| news.send((link.number, event));
    let sent = super::clock::now();
    let (mut keeper, mut answers) = match link.keep(lease).await {
        Ok(Some(stream)) => stream,
        Ok(None) => return drop(tell(Event::LeaseGone { lease }).await),
        Err(trouble) => return drop(tell(Event::Silent { lease, trouble }).await),
    };
    let mut acked = Event::Acked { lease, ttl, sent };
    // Nobody listens any more once the coordinator has ended.
    while tell(acked).await.is_ok() {
        tokio::time::sleep(beat(ttl)).await;
        acked = match link.beat(&mut keeper, &mut answers, ttl).await {
            Ok(Some((ttl, sent))) => Event::Acked { lease, ttl, sent },
            Ok(None) => return drop(tell(Event::LeaseGone { lease }).await),
            Err(trouble) => return drop(tell(Event::Silent { lease, trouble }).await),
        };
    }
}
