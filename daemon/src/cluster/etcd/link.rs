//! A connection to one etcd endpoint: our calls, each with a deadline, and what their failures mean.

use super::clock::{Moment, now};
use super::keys::Keys;
use super::model::{Change, Entry, Event, Expect, Left, Listing, Outcome, Then, Txn};
use super::trouble::{Kind, Trouble};
use etcd_client::{
    Client, Compare, CompareOp, Error, EventType, GetOptions, KeyValue, LeaseKeepAliveStream, LeaseKeeper,
    PutOptions, TxnOp, TxnOpResponse, WatchOptions, WatchResponse, WatchStream,
};
use std::sync::Arc;
use std::time::Duration;

/// A connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    client: Client,
    pub(super) endpoint: Arc<str>,
    /// Tells it from earlier ones.
    pub(super) number: u64,
    keys: Arc<Keys>,
    patience: Duration,
}

impl Link {
    pub(super) fn new(
        client: Client,
        endpoint: Arc<str>,
        number: u64,
        keys: Arc<Keys>,
        patience: Duration,
    ) -> Link {
        Link { client, endpoint, number, keys, patience }
    }

    /// The version of this member.
    pub(super) async fn version(&self) -> Result<String, Trouble> {
        let mut client = self.client.clone();
        let status = self.soon(client.status()).await?;
        Ok(status.version().to_owned())
    }

    /// All our keys, as the majority of etcd's members knows them.
    pub(super) async fn list(&self) -> Result<Listing, Trouble> {
        let mut client = self.client.clone();
        let options = GetOptions::new().with_prefix();
        let answer = self.soon(client.get(self.keys.root(), Some(options))).await?;
        let header = answer.header().ok_or_else(|| self.odd("a listing without a header"))?;
        let entries = answer.kvs().iter();
        let entries = entries.filter_map(|kv| Some((self.keys.parse(kv.key())?, entry(kv)))).collect();
        Ok(Listing { revision: header.revision(), cluster: header.cluster_id(), entries })
    }

    /// A new lease.
    pub(super) async fn grant(&self, ttl: Duration) -> Result<Event, Trouble> {
        let mut client = self.client.clone();
        let sent = now();
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let lease = self.soon(client.lease_grant(seconds, None)).await?;
        Ok(Event::Granted { lease: lease.id(), ttl: self.seconds(lease.ttl(), ttl), sent })
    }

    /// How long a lease has left.
    pub(super) async fn look(&self, lease: i64) -> Result<Event, Trouble> {
        let mut client = self.client.clone();
        let sent = now();
        let answer = self.soon(client.lease_time_to_live(lease, None)).await;
        let left = match answer {
            Ok(answer) if answer.ttl() < 0 => None,
            Ok(answer) => {
                let granted = self.seconds(answer.granted_ttl(), Duration::ZERO);
                Some(Left { seconds: answer.ttl(), granted })
            }
            Err(trouble) if trouble.kind == Kind::LeaseGone => None,
            Err(trouble) => return Err(trouble),
        };
        Ok(Event::Looked { lease, left, sent, received: now() })
    }

    /// A transaction.
    pub(super) async fn change(&self, txn: Txn) -> Result<Event, Trouble> {
        let mut client = self.client.clone();
        let key = self.keys.name(&txn.key);
        let expected = match txn.expect {
            Expect::Anything => Vec::new(),
            Expect::Absent => vec![Compare::create_revision(&*key, CompareOp::Equal, 0)],
            Expect::Modified(at) => vec![Compare::mod_revision(&*key, CompareOp::Equal, at)],
            Expect::Lease(lease) => vec![Compare::lease(&*key, CompareOp::Equal, lease)],
        };
        let then = match &txn.then {
            Then::Put { value, lease } => {
                vec![TxnOp::put(&*key, value.clone(), Some(PutOptions::new().with_lease(*lease)))]
            }
            Then::Delete => vec![TxnOp::delete(&*key, None)],
            Then::Nothing => Vec::new(),
        };
        let otherwise = vec![TxnOp::get(&*key, None)];
        let wire = etcd_client::Txn::new().when(expected).and_then(then).or_else(otherwise);
        let answer = self.soon(client.txn(wire)).await?;
        let header = answer.header().ok_or_else(|| self.odd("a transaction without a header"))?;
        let found = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(found) => found.kvs().first().map(entry),
            TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => None,
        });
        let outcome = Outcome { revision: header.revision(), done: answer.succeeded(), found };
        Ok(Event::Answered { txn, outcome })
    }

    /// Ends a lease, and all keys with it.
    pub(super) async fn revoke(&self, lease: i64) -> Result<(), Trouble> {
        let mut client = self.client.clone();
        match self.soon(client.lease_revoke(lease)).await {
            Err(trouble) if trouble.kind != Kind::LeaseGone => Err(trouble),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A stream that keeps a lease alive; opening it does so once. None when there is no such lease.
    pub(super) async fn keep(
        &self,
        lease: i64,
    ) -> Result<Option<(LeaseKeeper, LeaseKeepAliveStream)>, Trouble> {
        let mut client = self.client.clone();
        match self.soon(client.lease_keep_alive(lease)).await {
            Ok(stream) => Ok(Some(stream)),
            Err(trouble) if trouble.kind == Kind::LeaseGone => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Keeps the lease of a stream alive. None when there is no such lease.
    pub(super) async fn beat(
        &self,
        keeper: &mut LeaseKeeper,
        answers: &mut LeaseKeepAliveStream,
        ttl: Duration,
    ) -> Result<Option<(Duration, Moment)>, Trouble> {
        let sent = now();
        let answer = self.soon(async {
            keeper.keep_alive().await?;
            answers.message().await
        });
        match answer.await? {
            Some(answer) if answer.ttl() <= 0 => Ok(None),
            Some(answer) => Ok(Some((self.seconds(answer.ttl(), ttl), sent))),
            None => Err(Trouble::new(Kind::Connection, &self.endpoint, "closed the stream of keep-alives")),
        }
    }

    /// A watch of all our keys from this revision on.
    pub(super) async fn watch(&self, from: i64) -> Result<WatchStream, Trouble> {
        let mut client = self.client.clone();
        let options = WatchOptions::new().with_prefix().with_start_revision(from);
        self.soon(client.watch(self.keys.root(), Some(options))).await
    }

    /// The changes that a message of a watch tells.
    pub(super) fn changes(&self, message: &WatchResponse) -> Result<Vec<Change>, Trouble> {
        if message.compact_revision() > 0 {
            return Err(Trouble::new(Kind::Passing, &self.endpoint, "has compacted what was to be watched"));
        }
        if message.canceled() {
            let reason = message.cancel_reason();
            return Err(Trouble::said(&self.endpoint, "has ended the watch", reason));
        }
        let change = |event: &etcd_client::Event| {
            let kv = event.kv()?;
            let key = self.keys.parse(kv.key())?;
            let entry = match event.event_type() {
                EventType::Put => Some(entry(kv)),
                EventType::Delete => None,
            };
            Some(Change { key, revision: kv.mod_revision(), entry })
        };
        Ok(message.events().iter().filter_map(change).collect())
    }

    pub(super) fn trouble(&self, error: &Error) -> Trouble {
        Trouble::of(error, &self.endpoint)
    }

    /// A call that must be answered in time.
    async fn soon<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
        match tokio::time::timeout(self.patience, call).await {
            Ok(answer) => answer.map_err(|error| self.trouble(&error)),
            Err(_) => Err(Trouble::slow(&self.endpoint, self.patience)),
        }
    }

    fn odd(&self, what: &str) -> Trouble {
        Trouble::new(Kind::Connection, &self.endpoint, format!("sent {what}"))
    }

    /// A time to live in etcd's seconds.
    fn seconds(&self, seconds: i64, otherwise: Duration) -> Duration {
        u64::try_from(seconds).map_or(otherwise, Duration::from_secs)
    }
}

fn entry(kv: &KeyValue) -> Entry {
    Entry {
        value: kv.value().to_vec(),
        lease: kv.lease(),
        created: kv.create_revision(),
        modified: kv.mod_revision(),
    }
}
