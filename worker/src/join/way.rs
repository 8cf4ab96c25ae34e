//! Asking one daemon after the other, as long as waiting can help.

use crate::bounds;
use crate::join::JoinError;
use part_proto::v1::trust_service_client::TrustServiceClient;
use part_proto::v1::{JoinRequest, JoinResponse};
use part_trust::{Address, Dialer};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};

/// What an answer that is no certificate means.
pub(super) enum No {
    /// The same at every daemon, now and later.
    Never(JoinError),
    /// Another daemon may say yes; this one will not.
    NotHere(JoinError),
    /// It may say yes a little later.
    NotNow(JoinError),
}

/// Asks all daemons until one admits the worker, none ever will, or `patience` is over.
pub(super) async fn ask_all(
    dialer: &Dialer,
    addresses: &[Address],
    request: &JoinRequest,
    patience: Duration,
) -> Result<(JoinResponse, Address), JoinError> {
    let until = Instant::now() + patience;
    let mut wait = bounds::JOIN_RETRY_FIRST;
    loop {
        let (mut last, mut hope) = (None, false);
        for address in addresses {
            match ask(dialer, address, request).await {
                Ok(response) => return Ok((response, address.clone())),
                Err(No::Never(error)) => return Err(error),
                Err(No::NotHere(error)) => {
                    tracing::warn!(%error, "not admitted here");
                    last.get_or_insert(error);
                }
                Err(No::NotNow(error)) => {
                    tracing::warn!(%error, "not admitted yet");
                    // What may pass is told last: it is what the wait is for.
                    last = Some(error);
                    hope = true;
                }
            }
        }
        if let Some(error) = last
            && (!hope || Instant::now() + wait > until)
        {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(bounds::JOIN_RETRY_SLOWEST);
    }
}

async fn ask(dialer: &Dialer, address: &Address, request: &JoinRequest) -> Result<JoinResponse, No> {
    if !request.token.is_empty() && !dialer.is_secure() && !address.is_loopback() {
        return Err(No::Never(JoinError::PlainToken { address: address.clone() }));
    }
    let channel = dialer.connect(address).await.map_err(|error| match error.may_pass() {
        true => No::NotNow(error.into()),
        false => No::NotHere(error.into()),
    })?;
    let mut client = TrustServiceClient::new(channel);
    match timeout(bounds::JOIN_ANSWER, client.join(request.clone())).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(refusal(address, &status)),
        Err(_) => {
            let why = format!("no answer within {:?}", bounds::JOIN_ANSWER);
            Err(No::NotNow(JoinError::Unavailable { address: address.clone(), why }))
        }
    }
}

fn refusal(address: &Address, status: &Status) -> No {
    let address = address.clone();
    let why = match status.message() {
        "" => status.code().description().to_owned(),
        words => words.to_owned(),
    };
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument => {
            No::Never(JoinError::Refused { address, why })
        }
        Code::FailedPrecondition => No::NotHere(JoinError::Refused { address, why }),
        Code::Unimplemented => {
            let why = format!("it is older than this part-worker and cannot admit it; upgrade it ({why})");
            No::NotHere(JoinError::Refused { address, why })
        }
        // One that has just died is forgotten after its silence.
        Code::AlreadyExists => No::NotNow(JoinError::Refused { address, why }),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => {
            let why = match part_trust::DialError::behind(status) {
                Some(error) => error.to_string(),
                None => why,
            };
            No::NotNow(JoinError::Unavailable { address, why })
        }
    }
}
