//! Drains, tokens, and what is kept for how long.

use super::shared::Shared;
use crate::bounds::{EXPIRED_TOKENS_KEPT, ROWS_PER_LIST};
use crate::projection::BlobUse;
use crate::{Digest, TokenRow, TokenUse};
use part_core::{RunId, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl Shared {
    pub(super) fn set_drained(&mut self, host: &str, drained: bool, by: &str) {
        if drained {
            self.drained.insert(host.to_owned(), by.to_owned());
        } else {
            self.drained.remove(host);
        }
    }

    pub(super) fn add_token(&mut self, token: &TokenRow) -> bool {
        let kept = Timestamp(token.created_at.0.saturating_sub(EXPIRED_TOKENS_KEPT.as_millis() as u64));
        self.tokens.retain(|_, token| token.expires_at.is_none_or(|at| at >= kept));
        if self.tokens.contains_key(&token.id) {
            return false;
        }
        self.tokens.insert(token.id.clone(), token.clone());
        true
    }

    pub(super) fn newest_tokens(&self) -> Vec<TokenRow> {
        let mut tokens: Vec<TokenRow> = self.tokens.values().cloned().collect();
        tokens.sort_by_key(|token| Reverse((token.created_at, token.id.clone())));
        tokens.truncate(ROWS_PER_LIST);
        tokens
    }

    pub(super) fn revoke_token(&mut self, id: &str) -> bool {
        let token = self.tokens.get_mut(id);
        token.map(|token| token.revoked = true).is_some()
    }

    pub(super) fn use_token(&mut self, id: &str, now: Timestamp) -> TokenUse {
        let Some(token) = self.tokens.get_mut(id) else { return TokenUse::Unknown };
        let used = token.clone().used(now);
        if let TokenUse::Used(after) = &used {
            token.clone_from(after);
        }
        used
    }

    pub(super) fn forget_run(&mut self, run: RunId) -> bool {
        let finished =
            |shared: &Shared| shared.ledger(run).map(|ledger| ledger.row.progress.finished.is_some());
        if finished(self) != Some(true) {
            return false;
        }
        let place = self.places.remove(&run.to_string());
        if place.and_then(|place| self.runs.remove(&place)).is_some() {
            self.submissions.retain(|_, known| known.run != run);
        }
        true
    }

    pub(super) fn finished(&self, before: Option<Timestamp>, limit: usize) -> Vec<RunId> {
        let ends = self.runs.iter().filter_map(|(place, ledger)| {
            let at = ledger.row.progress.finished.as_ref()?.at;
            before.is_none_or(|before| at < before).then_some((at, *place, ledger.row.id))
        });
        let mut ends: Vec<(Timestamp, u64, RunId)> = ends.collect();
        ends.sort_by_key(|(at, place, _)| (*at, *place));
        ends.into_iter().take(limit.min(ROWS_PER_LIST)).map(|(_, _, run)| run).collect()
    }

    fn blobs(&self) -> BTreeMap<Digest, BlobUse> {
        let mut blobs: BTreeMap<Digest, BlobUse> = BTreeMap::new();
        for used in self.runs.values().flat_map(|ledger| ledger.blobs.values()) {
            let known = blobs.entry(used.digest).or_insert(*used);
            known.bytes = known.bytes.max(used.bytes);
            known.manifest |= used.manifest;
        }
        blobs
    }

    pub(super) fn blob_usage(&self) -> u64 {
        self.blobs().values().map(|used| used.bytes).sum()
    }

    pub(super) fn referenced(&self, digests: &[Digest]) -> Vec<bool> {
        let blobs = self.blobs();
        digests.iter().map(|digest| blobs.contains_key(digest)).collect()
    }

    pub(super) fn manifests(&self, after: Option<Digest>, limit: usize) -> Vec<Digest> {
        let manifests = self.blobs().into_values().filter(|used| used.manifest).map(|used| used.digest);
        let later = manifests.filter(|digest| after.is_none_or(|after| *digest > after));
        later.take(limit.min(ROWS_PER_LIST)).collect()
    }
}
