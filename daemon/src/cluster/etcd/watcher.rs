//! Watches all our keys over one stream.

use super::keeper::News;
use super::link::Link;
use super::machine::Watch;
use super::model::{Change, Event};
use super::trouble::{Kind, Trouble};
use etcd_client::WatchStream;
use tokio::sync::mpsc::Sender;

/// Tells what changes until the watch ends, and then why it ended.
pub(super) async fn watch(link: Link, watch: Watch, news: Sender<News>) {
    let trouble = match link.watch(watch.from).await {
        Ok(mut stream) => follow(&link, &mut stream, watch.number, &news).await,
        Err(trouble) => Some(trouble),
    };
    if let Some(trouble) = trouble {
        let blind = Event::Blind { watch: watch.number, trouble };
        // Nobody listens any more once the coordinator has ended.
        drop(news.send((link.number, blind)).await);
    }
}

/// None when nobody listens any more.
async fn follow(link: &Link, stream: &mut WatchStream, watch: u64, news: &Sender<News>) -> Option<Trouble> {
    loop {
        match next(link, stream).await {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => news.send((link.number, Event::Changed { watch, changes })).await.ok()?,
            Err(trouble) => return Some(trouble),
        }
    }
}

async fn next(link: &Link, stream: &mut WatchStream) -> Result<Vec<Change>, Trouble> {
    match stream.message().await {
        Ok(Some(message)) => link.changes(&message),
        Ok(None) => Err(Trouble::new(Kind::Connection, &link.endpoint, "closed the watch")),
        Err(error) => Err(link.trouble(&error)),
    }
}
