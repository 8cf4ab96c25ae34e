//! Drained hosts and tokens.

use super::factory::Factory;
use part_core::Timestamp;
use part_store::{TokenRole, TokenRow, TokenUse};
use std::collections::BTreeMap;

const DAY: u64 = 24 * 3600 * 1000;

fn token(id: &str) -> TokenRow {
    TokenRow {
        id: id.to_owned(),
        hash: [7; 32],
        role: TokenRole::View,
        label: "a label".to_owned(),
        created_at: Timestamp(1000),
        expires_at: None,
        uses_left: None,
        revoked: false,
    }
}

pub(crate) async fn drained_hosts_are_flagged_until_cleared(factory: &impl Factory) {
    let (store, other) = (factory.store().await, factory.store().await);
    assert_eq!(store.drained().await.expect("hosts"), BTreeMap::new());
    for (host, drained, by) in [
        ("a", true, "ann"),
        ("b", true, "ben"),
        ("a", true, "bob"),
        ("c", false, "ann"),
        ("b", false, "ann"),
        ("d'\"", true, ""),
    ] {
        store.set_drained(host, drained, by).await.expect("a flag");
    }
    let expected = [("a", "bob"), ("d'\"", "")].map(|(host, by)| (host.to_owned(), by.to_owned()));
    assert_eq!(other.drained().await.expect("hosts"), BTreeMap::from(expected));
}

pub(crate) async fn tokens_come_back_as_they_were_made(factory: &impl Factory) {
    let (store, other) = (factory.store().await, factory.store().await);
    let roles = [TokenRole::Worker, TokenRole::View, TokenRole::Submit, TokenRole::Operate, TokenRole::Admin];
    let mut made = Vec::new();
    for (number, role) in roles.into_iter().enumerate() {
        let row = TokenRow {
            hash: [number as u8; 32],
            role,
            created_at: Timestamp(1000 + number as u64 % 3),
            expires_at: (number % 2 == 0).then_some(Timestamp(5000)),
            uses_left: (number > 2).then_some(u32::MAX),
            revoked: number == 4,
            ..token(&format!("token-{number}"))
        };
        assert!(store.add_token(&row).await.expect("a token"));
        made.push(row);
    }
    let taken = TokenRow { hash: [9; 32], ..token("token-1") };
    assert!(!other.add_token(&taken).await.expect("an answer"), "its id is taken");
    for row in &made {
        assert_eq!(other.token(&row.id).await.expect("an answer").as_ref(), Some(row));
    }
    assert_eq!(other.token("TOKEN-1").await.expect("an answer"), None);
    let listed: Vec<String> =
        other.tokens().await.expect("tokens").into_iter().map(|token| token.id).collect();
    assert_eq!(listed, ["token-2", "token-4", "token-1", "token-3", "token-0"], "the newest first");

    // Those that expired a month before a new one is made are forgotten.
    let at = |days: u64| Some(Timestamp(5000 + days * DAY));
    let old = TokenRow { expires_at: at(2), ..token("old") };
    assert!(store.add_token(&old).await.expect("a token"));
    let new = TokenRow { created_at: Timestamp(6000 + 30 * DAY), ..token("new") };
    assert!(store.add_token(&new).await.expect("a token"));
    let listed: Vec<String> =
        other.tokens().await.expect("tokens").into_iter().map(|token| token.id).collect();
    assert_eq!(listed, ["new", "token-1", "token-3", "old"]);
}

pub(crate) async fn tokens_are_used_as_often_as_they_may_be(factory: &impl Factory) {
    let store = factory.store().await;
    let rows = [
        token("free"),
        TokenRow { uses_left: Some(2), ..token("twice") },
        TokenRow { expires_at: Some(Timestamp(2000)), ..token("short") },
        TokenRow { expires_at: Some(Timestamp(2000)), uses_left: Some(0), ..token("spent") },
        TokenRow { revoked: true, expires_at: Some(Timestamp(2000)), ..token("revoked") },
    ];
    for row in &rows {
        assert!(store.add_token(row).await.expect("a token"));
    }
    let [free, twice, short, spent, _] = rows;
    let left = |left| TokenUse::Used(TokenRow { uses_left: Some(left), ..twice.clone() });
    let table = [
        ("free", 1500, TokenUse::Used(free.clone())),
        ("free", u64::MAX >> 1, TokenUse::Used(free)),
        ("twice", 1500, left(1)),
        ("twice", 1500, left(0)),
        ("twice", 1500, TokenUse::UsedUp),
        ("short", 1999, TokenUse::Used(short)),
        ("short", 2000, TokenUse::Expired { at: Timestamp(2000) }),
        ("spent", 1999, TokenUse::UsedUp),
        ("spent", 2001, TokenUse::Expired { at: Timestamp(2000) }),
        ("revoked", 2001, TokenUse::Revoked),
        ("none", 1500, TokenUse::Unknown),
    ];
    for (id, now, expected) in table {
        assert_eq!(store.use_token(id, Timestamp(now)).await.expect("an answer"), expected, "{id} at {now}");
    }
    assert_eq!(store.token("spent").await.expect("an answer"), Some(spent));

    assert!(store.revoke_token("free").await.expect("an answer"));
    assert!(store.revoke_token("free").await.expect("an answer"), "once more is harmless");
    assert!(!store.revoke_token("none").await.expect("an answer"));
    assert_eq!(store.use_token("free", Timestamp(1)).await.expect("an answer"), TokenUse::Revoked);
    assert!(store.token("free").await.expect("an answer").is_some_and(|token| token.revoked));
}

pub(crate) async fn a_token_used_by_many_at_once_is_not_used_too_often(factory: &impl Factory) {
    const USES: u32 = 7;
    let (store, other) = (factory.store().await, factory.store().await);
    let row = TokenRow { uses_left: Some(USES), ..token("few") };
    assert!(store.add_token(&row).await.expect("a token"));
    let uses = (0..20).map(|number| {
        let store = if number % 2 == 0 { &store } else { &other };
        store.use_token("few", Timestamp(1))
    });
    let answers = futures::future::join_all(uses).await;
    let mut left = Vec::new();
    for answer in answers {
        match answer.expect("an answer") {
            TokenUse::Used(row) => left.extend(row.uses_left),
            TokenUse::UsedUp => {}
            refused @ (TokenUse::Unknown | TokenUse::Expired { .. } | TokenUse::Revoked) => {
                unreachable!("{refused:?}")
            }
        }
    }
    left.sort_unstable();
    assert_eq!(left, (0..USES).collect::<Vec<_>>(), "each use counts once");
}
