//! Being admitted: with the certificate that was kept, or with a token for a new one; and renewing it in time.

use super::home::{Home, Kept, signing_request};
use super::way::ask_all;
use crate::bounds;
use crate::join::{JoinError, JoinOptions};
use part_proto::v1::JoinRequest;
use part_proto::{LINK_PROTOCOL, LINK_PROTOCOL_OLDEST};
use part_trust::{Address, Dialer, Token, Trust, certificates_of};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// A worker that the mesh knows.
pub(super) struct Admission {
    home: Home,
    addresses: Vec<Address>,
    /// Its name in the mesh.
    pub(super) name: String,
    /// The way to the daemons, showing the certificate where there is one.
    pub(super) dialer: Dialer,
    /// Whether it goes by a certificate that has to be renewed.
    certified: bool,
}

impl Admission {
    /// Uses the certificate that was kept, or joins.
    pub(super) async fn obtain(options: &JoinOptions) -> Result<Admission, JoinError> {
        let home = Home::take(&options.home)?;
        let kept = home.kept();
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        let name = options.name.clone().or_else(|| kept.as_ref().map(|kept| kept.name.clone()));
        let name = name.unwrap_or_else(host);
        let addresses = options.addresses.clone();
        if let Some(kept) = kept.filter(|kept| kept.name == name && kept.left() > bounds::CERTIFICATE_WORTH) {
            tracing::info!(
                name,
                hours_left = kept.left().as_secs() / 3600,
                "using the certificate that was kept"
            );
            let trust = match &options.ca {
                Some(ca) => Trust::file(ca)?,
                None => Trust::Authorities(kept.authorities.clone()),
            };
            let dialer = dialer(&trust, Some(&kept))?;
            return Ok(Admission { home, addresses, name, dialer, certified: true });
        }
        let token = options.token_file.as_deref().map(read_token).transpose()?;
        let trust = match (&options.ca, token.as_ref().and_then(Token::authority)) {
            (Some(ca), _) => Trust::file(ca)?,
            (None, Some(fingerprint)) => Trust::Fingerprint(fingerprint),
            (None, None) if addresses.iter().any(|address| address.tls() == Some(true)) => Trust::System,
            (None, None) => Trust::Plain,
        };
        if trust != Trust::Plain && token.is_none() {
            return Err(JoinError::NothingToShow { home: home.folder().to_owned() });
        }
        let mut admission =
            Admission { home, addresses, name, dialer: dialer(&trust, None)?, certified: false };
        admission.join(token.as_ref().map(Token::text).unwrap_or_default(), bounds::JOIN_PATIENCE).await?;
        Ok(admission)
    }

    /// Asks for a certificate and keeps it.
    async fn join(&mut self, token: String, patience: Duration) -> Result<(), JoinError> {
        let key = self.home.key()?;
        let request = JoinRequest {
            token,
            name: self.name.clone(),
            csr_pem: signing_request(&key)?,
            protocol: LINK_PROTOCOL_OLDEST,
            protocol_newest: LINK_PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let (response, address) = ask_all(&self.dialer, &self.addresses, &request, patience).await?;
        if response.certificate_pem.is_empty() {
            return match self.dialer.is_secure() {
                false => Ok(()),
                true => Err(JoinError::BadAnswer { address, why: "it holds no certificate".to_owned() }),
            };
        }
        let bad = |why: String| JoinError::BadAnswer { address: address.clone(), why };
        // Looked at before it replaces what was kept.
        certificates_of(response.certificate_pem.as_bytes(), "the certificate")
            .and(certificates_of(response.ca_pem.as_bytes(), "the authority"))
            .map_err(|error| bad(error.to_string()))?;
        self.home.keep(&response.certificate_pem, &response.ca_pem)?;
        let kept = self.home.kept().ok_or_else(|| bad("the certificate cannot be used".to_owned()))?;
        self.dialer.renew(&Trust::Authorities(kept.authorities.clone()), Some(kept.credentials()?))?;
        self.certified = true;
        tracing::info!(name = self.name, daemon = %address, hours = kept.left().as_secs() / 3600, "admitted");
        Ok(())
    }

    /// Renews the certificate at half of its life, again and again. Ends when it is over and could not be renewed.
    pub(super) async fn keep_renewing(mut self) -> JoinError {
        if !self.certified {
            return std::future::pending().await;
        }
        loop {
            let left = self.home.kept().map_or(Duration::ZERO, |kept| kept.left());
            sleep(left / 2).await;
            let Err(why) = self.join(String::new(), bounds::RENEW_PATIENCE).await else { continue };
            let left = self.home.kept().map_or(Duration::ZERO, |kept| kept.left());
            tracing::warn!(error = %why, minutes_left = left.as_secs() / 60, "the certificate is not renewed yet");
            if left.is_zero() {
                return JoinError::Expired { why: why.to_string() };
            }
            sleep(bounds::RENEW_RETRY.min(left)).await;
        }
    }
}

fn dialer(trust: &Trust, kept: Option<&Kept>) -> Result<Dialer, JoinError> {
    let credentials = kept.map(Kept::credentials).transpose()?;
    Ok(Dialer::new(trust, credentials)?)
}

fn read_token(path: &Path) -> Result<Token, JoinError> {
    let read = std::fs::read_to_string(path);
    let text =
        read.map_err(|source| part_trust::FileError::Io { doing: "read", path: path.to_owned(), source })?;
    text.parse().map_err(|source| JoinError::Token { path: path.to_owned(), source })
}
