//! `partd token`: the first token of a mesh is made on its first host.

use super::output::{data, note};
use crate::clock::Clock;
use crate::config::{DaemonConfig, duration};
use crate::places::open_store;
use crate::trust::{fingerprint, role_name, span};
use crate::{DaemonError, bounds};
use part_core::Timestamp;
use part_store::{Store, TokenRole, TokenRow};
use part_trust::{Token, write_private};
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `partd token`.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// Verbs of `partd token`.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it; it is shown this once
    Create {
        /// What its holder may do
        #[arg(long, value_enum)]
        role: Role,
        /// How long it is good, such as 15m, 12h, 90d or never [default: 15m for workers, 90d for clients]
        #[arg(long, value_name = "TIME")]
        ttl: Option<String>,
        /// How many workers may join with it [default: 1]
        #[arg(long, value_name = "N")]
        uses: Option<u32>,
        /// What it is for, to tell it from others
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// Write it to this file, readable by its owner only, instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List all tokens, without their secrets
    List,
    /// Take a token back for good
    Revoke {
        /// Its id, as the list shows it
        id: String,
    },
}

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Join the mesh as a worker
    Worker,
    /// Look at runs, workers and results
    View,
    /// Also submit and cancel runs
    Submit,
    /// Also drain hosts
    Operate,
    /// Everything
    Admin,
}

impl Role {
    fn stored(self) -> TokenRole {
        match self {
            Role::Worker => TokenRole::Worker,
            Role::View => TokenRole::View,
            Role::Submit => TokenRole::Submit,
            Role::Operate => TokenRole::Operate,
            Role::Admin => TokenRole::Admin,
        }
    }
}

impl TokenArgs {
    /// Does it in the store that the configuration names.
    ///
    /// # Errors
    ///
    /// When the store, the authority or a file cannot be used.
    pub async fn run(self, config: &DaemonConfig) -> Result<(), DaemonError> {
        run(self.command, config).await
    }
}

async fn run(command: TokenCommand, config: &DaemonConfig) -> Result<(), DaemonError> {
    std::fs::create_dir_all(&config.home)
        .map_err(DaemonError::folder("creating the folder", &config.home))?;
    let store = open_store(config).await?;
    let done = match command {
        TokenCommand::Create { role, ttl, uses, label, out } => {
            create(store.as_ref(), config, Wanted { role: role.stored(), ttl, uses, label }, out).await
        }
        TokenCommand::List => list(store.as_ref()).await,
        TokenCommand::Revoke { id } => revoke(store.as_ref(), &id).await,
    };
    store.close().await;
    done
}

struct Wanted {
    role: TokenRole,
    ttl: Option<String>,
    uses: Option<u32>,
    label: String,
}

async fn create(
    store: &dyn Store,
    config: &DaemonConfig,
    wanted: Wanted,
    out: Option<PathBuf>,
) -> Result<(), DaemonError> {
    let authority = config.tls.as_ref().map(fingerprint).transpose().map_err(DaemonError::Trust)?;
    let token = Token::new(authority).map_err(|error| DaemonError::command(error.to_string()))?;
    let row = row(&token, &wanted, Clock::start().now())?;
    if !store.add_token(&row).await.map_err(DaemonError::Store)? {
        return Err(DaemonError::command("by a rare accident there is such a token already; try again"));
    }
    match &out {
        Some(path) => write_private(path, format!("{}\n", token.text()).as_bytes())
            .map_err(|error| DaemonError::Trust(error.into()))?,
        None => data(&format!("{}\n", token.text()))?,
    }
    let until = row
        .expires_at
        .map_or("for ever".to_owned(), |at| format!("for {}", span(at.since(row.created_at).0)));
    note(&format!(
        "token {} ({}) is good {until}; its secret is not shown again",
        row.id,
        role_name(row.role)
    ));
    if authority.is_none() {
        note(
            "note: no TLS is configured here ([tls] in partd.toml, or --tls-ca, --tls-cert, --tls-key): daemons without it \
              trust everybody and ask for no token",
        );
    }
    Ok(())
}

fn row(token: &Token, wanted: &Wanted, now: Timestamp) -> Result<TokenRow, DaemonError> {
    let joins = wanted.role == TokenRole::Worker;
    if !joins && wanted.uses.is_some() {
        return Err(DaemonError::command(
            "--uses counts workers that join; a client's token is good for any number of calls (limit it with --ttl)",
        ));
    }
    if wanted.uses == Some(0) {
        return Err(DaemonError::command("--uses: a token that may never be used is of no use"));
    }
    let life = match (wanted.ttl.as_deref(), joins) {
        (Some("never"), _) => None,
        (Some(text), _) => match duration(text) {
            Some(Duration::ZERO) | None => {
                return Err(DaemonError::command(format!(
                    "--ttl: {text:?} is no duration, such as 15m, 12h, 90d or never"
                )));
            }
            Some(life) => Some(life),
        },
        (None, true) => Some(bounds::JOIN_TOKEN_LIFE),
        (None, false) => Some(bounds::CLIENT_TOKEN_LIFE),
    };
    Ok(TokenRow {
        id: token.id(),
        hash: *token.hash().as_bytes(),
        role: wanted.role,
        label: wanted.label.clone(),
        created_at: now,
        expires_at: life.map(|life| Timestamp(now.0.saturating_add(life.as_millis() as u64))),
        uses_left: joins.then_some(wanted.uses.unwrap_or(1)),
        revoked: false,
    })
}

async fn list(store: &dyn Store) -> Result<(), DaemonError> {
    let rows = store.tokens().await.map_err(DaemonError::Store)?;
    data(&table(&rows, Clock::start().now()))
}

fn table(rows: &[TokenRow], now: Timestamp) -> String {
    let mut lines = vec![["ID", "ROLE", "STATE", "MADE", "LABEL"].map(str::to_owned)];
    for row in rows {
        let made = format!("{} ago", span(now.since(row.created_at).0));
        // A label may hold anything; a list must stay a list.
        let label = row.label.escape_debug().to_string();
        lines.push([row.id.clone(), role_name(row.role).to_owned(), state(row, now), made, label]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn state(row: &TokenRow, now: Timestamp) -> String {
    match (row.revoked, row.uses_left, row.expires_at) {
        (true, _, _) => "revoked".to_owned(),
        (false, _, Some(at)) if at <= now => format!("expired {} ago", span(now.since(at).0)),
        (false, Some(0), _) => "used up".to_owned(),
        (false, uses, expires) => {
            let time = expires
                .map_or("good for ever".to_owned(), |at| format!("good for {}", span(at.since(now).0)));
            match uses {
                Some(1) => format!("{time}, once"),
                Some(left) => format!("{time}, {left} times"),
                None => time,
            }
        }
    }
}

async fn revoke(store: &dyn Store, id: &str) -> Result<(), DaemonError> {
    // Who pastes a whole token means the token.
    let id = id.parse::<Token>().map_or_else(|_| id.to_owned(), |token| token.id());
    match store.revoke_token(&id).await.map_err(DaemonError::Store)? {
        true => {
            let lag = bounds::TOKEN_TRUSTED.as_secs();
            note(&format!("token {id} is revoked; daemons that used it just now refuse it within {lag} s"));
            Ok(())
        }
        false => Err(DaemonError::command(format!("there is no token {id:?}; `partd token list` shows all"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn wanted(role: TokenRole, ttl: Option<&str>, uses: Option<u32>) -> Wanted {
        Wanted { role, ttl: ttl.map(str::to_owned), uses, label: "ci".to_owned() }
    }

    #[test]
    fn tokens_last_as_long_as_their_use_needs() {
        let token = Token::new(None).expect("random");
        let minutes = |n: u64| Some(Timestamp(NOW.0 + n * 60_000));
        let table = [
            (wanted(TokenRole::Worker, None, None), Some((minutes(15), Some(1)))),
            (wanted(TokenRole::Worker, Some("2h"), Some(9)), Some((minutes(120), Some(9)))),
            (wanted(TokenRole::Submit, None, None), Some((minutes(90 * 24 * 60), None))),
            (wanted(TokenRole::Admin, Some("never"), None), Some((None, None))),
            (wanted(TokenRole::Submit, None, Some(2)), None),
            (wanted(TokenRole::Worker, None, Some(0)), None),
            (wanted(TokenRole::View, Some("soon"), None), None),
            (wanted(TokenRole::View, Some("0s"), None), None),
        ];
        for (wanted, expected) in table {
            let row = row(&token, &wanted, NOW).ok().map(|row| (row.expires_at, row.uses_left));
            assert_eq!(row, expected, "{:?} {:?} {:?}", wanted.role, wanted.ttl, wanted.uses);
        }
    }

    #[test]
    fn the_list_says_what_each_token_is_still_good_for() {
        let token = Token::new(None).expect("random");
        let fresh = row(&token, &wanted(TokenRole::Worker, None, None), NOW).expect("a token");
        let changed = |change: fn(&mut TokenRow)| {
            let mut row = fresh.clone();
            change(&mut row);
            row
        };
        let rows = [
            fresh.clone(),
            changed(|row| row.uses_left = Some(0)),
            changed(|row| row.revoked = true),
            changed(|row| row.expires_at = Some(Timestamp(NOW.0 - 60_000))),
            changed(|row| (row.expires_at, row.uses_left, row.label) = (None, None, "a\nb".to_owned())),
        ];
        let text = table(&rows, NOW);
        let states = ["good for 15 min, once", "used up", "revoked", "expired 1 min ago", "good for ever"];
        for (line, state) in text.lines().skip(1).zip(states) {
            assert!(line.contains(state), "{line:?} without {state:?}");
        }
        assert_eq!(text.lines().count(), 6, "a label breaks no line: {text}");
        assert!(!text.contains(&token.hash().to_hex()));
    }
}
