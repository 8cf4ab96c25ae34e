//! Where a call goes that only the leader can answer.

use super::services::Shared;
use crate::bounds;
use crate::leader::Mailbox;
use crate::seat::Leadership;
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::{MESSAGE_LIMIT, status, v1};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Set by a daemon that passes a call on: it is not passed on twice.
const FORWARDED: &str = "part-forwarded-by";

/// Where the leader is.
pub(super) enum Route {
    /// In this process.
    Here(Mailbox),
    /// Behind this channel.
    There(Channel),
}

impl Shared {
    /// Where the leader is, waiting a while when there is none just now.
    pub(super) async fn route(&self, metadata: &MetadataMap) -> Result<Route, Status> {
        match self.seat.settled(bounds::LEADERLESS).await {
            Leadership::Here(mailbox) => Ok(Route::Here(mailbox)),
            Leadership::There(leader) => match metadata.get(FORWARDED) {
                Some(_) => Err(status::unavailable("the leadership is moving; try again")),
                None => (self.connect)(&leader.address).map(Route::There).map_err(|why| {
                    status::unavailable(format!("the leader {} cannot be reached: {why}", leader.name))
                }),
            },
            Leadership::Vacant(why) => Err(status::unavailable(why)),
            Leadership::ReadOnly => {
                Err(status::wrong_state("this process only reads; the run is led by another one"))
            }
        }
    }

    /// The leader's mailbox, for calls that are never passed on.
    pub(super) fn mailbox(&self) -> Result<Mailbox, Status> {
        self.seat.mailbox().ok_or_else(|| status::unavailable("this daemon does not lead"))
    }

    /// True when nothing runs on the worker of this name; none when the leader cannot tell.
    pub(crate) async fn runs_nothing(&self, name: &str) -> Option<bool> {
        match self.route(&MetadataMap::new()).await.ok()? {
            Route::Here(mailbox) => {
                let name = name.to_owned();
                let idle = move |core: &part_core::Core, now| {
                    let mut workers = core.workers(now).into_iter().filter(|worker| worker.worker.0 == name);
                    workers.all(|worker| worker.slots.iter().all(|(_, attempt)| attempt.is_none()))
                };
                mailbox.look(idle).await.ok()
            }
            Route::There(leader) => {
                let request = self.forwarded(v1::ListWorkersRequest {});
                let mut client = MeshServiceClient::new(leader).max_decoding_message_size(ANSWER);
                let workers = client.list_workers(request).await.ok()?.into_inner().workers;
                let mut own = workers.iter().filter(|worker| worker.worker == name);
                Some(own.all(|worker| worker.slots.iter().all(|slot| slot.run.is_empty())))
            }
        }
    }

    /// A message on its way to the leader.
    pub(super) fn forwarded<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Ok(me) = self.name.parse() {
            request.metadata_mut().insert(FORWARDED, me);
        } else {
            request.metadata_mut().insert(FORWARDED, tonic::metadata::MetadataValue::from_static("a daemon"));
        }
        request
    }
}

/// Largest answer of a leader that is passed on.
pub(super) const ANSWER: usize = MESSAGE_LIMIT;
