//! Somebody else's entry where ours should be: who is it, and what follows?

use super::clock::Moment;
use super::model::Left;
use crate::bounds;
use crate::cluster::{ClusterError, Member};
use std::time::Duration;

/// An entry that speaks against us: under our name, or with our identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival<'a> {
    /// The whole name of its key.
    pub(super) key: &'a str,
    /// What it says; none where that cannot be read.
    pub(super) member: Option<&'a Member>,
    /// Its lease; 0 for none.
    pub(super) lease: i64,
}

/// What we remember of the struggle for our key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contest {
    /// Under the lease that we have now, the key was ours.
    pub(super) had: bool,
    /// The life, by its start, whose entry we took for one of our own that is over.
    pub(super) replaced: Option<u64>,
    /// How often we wrote the entry again.
    pub(super) reasserted: u32,
}

/// What follows.
#[derive(Clone, Debug)]
pub(super) enum Judgement {
    /// It is an earlier life of ours, or wrote over what is ours: write ours.
    Replace,
    /// It may be dead: wait until its lease ends or turns out to be alive; then this is the reason to leave.
    Wait(ClusterError),
    /// It is alive, and was first.
    Refuse(ClusterError),
}

/// Judges an entry that speaks against us.
pub(super) fn judge(rival: Rival<'_>, me: &Member, contest: Contest) -> Judgement {
    let Some(other) = rival.member else {
        let why = "it does not hold what a daemon writes";
        return Judgement::Refuse(ClusterError::InTheWay { key: rival.key.to_owned(), why });
    };
    if rival.lease == 0 {
        let why = "it has no lease, so no daemon wrote it, and it would stay for ever";
        return Judgement::Refuse(ClusterError::InTheWay { key: rival.key.to_owned(), why });
    }
    let kin = other.identity == me.identity;
    let refusal = if kin { twin(me, other) } else { name_taken(me, other) };
    if kin && other.name == me.name && other.started_at == me.started_at {
        // Under a lease that was lost.
        return Judgement::Replace;
    }
    if contest.replaced == Some(other.started_at) {
        // Whom we took for dead has written again.
        return Judgement::Refuse(refusal);
    }
    if contest.had && other.name == me.name {
        return match contest.reasserted {
            0..bounds::ETCD_REASSERTS => Judgement::Replace,
            _ => Judgement::Refuse(refusal),
        };
    }
    let same_address = other.address == me.address;
    match (kin, other.name == me.name, same_address) {
        // Nobody else can be at our address: it is the life before this one.
        (true, true, true) => Judgement::Replace,
        // Moved or renamed, or a copy of our home.
        (true, _, _) => Judgement::Wait(refusal),
        // At our address, but another home: the one before this one, or another network's.
        (false, _, true) => Judgement::Wait(refusal),
        (false, _, false) => Judgement::Refuse(refusal),
    }
}

pub(super) fn twin(me: &Member, other: &Member) -> ClusterError {
    ClusterError::Twin {
        name: me.name.clone(),
        ours: me.address.clone(),
        their_name: other.name.clone(),
        theirs: other.address.clone(),
    }
}

fn name_taken(me: &Member, other: &Member) -> ClusterError {
    ClusterError::NameTaken { name: me.name.clone(), ours: me.address.clone(), theirs: other.address.clone() }
}

/// Looking at a rival's lease until it ends or is seen to be kept alive.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// The lease.
    pub(super) lease: i64,
    /// Why we leave if it is alive.
    pub(super) refusal: ClusterError,
    /// The next look.
    pub(super) look_at: Moment,
    since: Moment,
    first: Option<(Moment, i64)>,
}

impl Waiting {
    pub(super) fn new(lease: i64, refusal: ClusterError, now: Moment) -> Waiting {
        Waiting { lease, refusal, look_at: now, since: now, first: None }
    }

    /// Takes in a look that was asked for at `sent` and answered at `received`. True when the lease is alive: it was
    /// kept alive since the first look, or outlives its time.
    pub(super) fn looked(&mut self, left: Option<Left>, sent: Moment, received: Moment) -> bool {
        self.look_at = received + bounds::ETCD_LOOK;
        let Some(left) = left else { return false };
        let overdue = sent > self.since + left.granted + bounds::ETCD_EXPIRY;
        if left.seconds <= 0 {
            // It goes any moment now: etcd looks twice a second.
            return overdue;
        }
        let Some((then, seconds)) = self.first else {
            self.first = Some((received, left.seconds));
            return overdue;
        };
        // A dead lease had less than a second more than it said, and has lost at least the time since.
        let most = Duration::from_secs(u64::try_from(seconds + 1).unwrap_or_default());
        let now = Duration::from_secs(u64::try_from(left.seconds).unwrap_or_default());
        overdue || now + sent.saturating_sub(then) > most
    }
}

#[cfg(test)]
mod tests {
    use super::{Contest, Judgement, Rival, Waiting, judge};
    use crate::bounds;
    use crate::cluster::etcd::model::Left;
    use crate::cluster::{ClusterError, Member};
    use std::time::Duration;

    fn member(name: &str, identity: &str, address: &str, started_at: u64) -> Member {
        Member {
            name: name.to_owned(),
            identity: identity.to_owned(),
            address: address.to_owned(),
            version: String::new(),
            protocol: 1,
            started_at,
            capabilities: Default::default(),
            slots: 1,
            draining: false,
        }
    }

    fn word(judgement: &Judgement) -> &'static str {
        match judgement {
            Judgement::Replace => "replace",
            Judgement::Wait(ClusterError::Twin { .. }) => "wait: twin",
            Judgement::Wait(_) => "wait: name",
            Judgement::Refuse(ClusterError::Twin { .. }) => "refuse: twin",
            Judgement::Refuse(ClusterError::NameTaken { .. }) => "refuse: name",
            Judgement::Refuse(_) => "refuse: in the way",
        }
    }

    #[test]
    fn table() {
        let me = member("a", "id", "h:1", 100);
        let fresh = Contest::default();
        let had = Contest { had: true, ..fresh };
        let tired = Contest { reasserted: bounds::ETCD_REASSERTS, ..had };
        let took = Contest { had: true, replaced: Some(50), reasserted: 0 };
        let rows = [
            ("this life under an older lease", member("a", "id", "h:1", 100), fresh, "replace"),
            ("an earlier life", member("a", "id", "h:1", 50), fresh, "replace"),
            (
                "an earlier life at another address, or a copy",
                member("a", "id", "h:2", 50),
                fresh,
                "wait: twin",
            ),
            ("a copy that is called otherwise", member("b", "id", "h:2", 50), fresh, "wait: twin"),
            ("renamed", member("b", "id", "h:1", 50), fresh, "wait: twin"),
            ("another host at our address", member("a", "other", "h:1", 50), fresh, "wait: name"),
            ("another host", member("a", "other", "h:2", 50), fresh, "refuse: name"),
            ("a copy wrote over ours", member("a", "id", "h:1", 150), had, "replace"),
            ("another host wrote over ours", member("a", "other", "h:2", 150), had, "replace"),
            ("again and again", member("a", "other", "h:2", 150), tired, "refuse: name"),
            ("whom we replaced is alive", member("a", "id", "h:1", 50), took, "refuse: twin"),
            ("a third one wrote over ours", member("a", "id", "h:1", 70), took, "replace"),
        ];
        for (what, other, contest, expected) in rows {
            let rival = Rival { key: "p/hosts/a", member: Some(&other), lease: 7 };
            assert_eq!(word(&judge(rival, &me, contest)), expected, "{what}");
        }
        let nonsense = Rival { key: "p/hosts/a", member: None, lease: 7 };
        assert_eq!(word(&judge(nonsense, &me, fresh)), "refuse: in the way");
        let other = member("a", "id", "h:1", 50);
        let for_ever = Rival { key: "p/hosts/a", member: Some(&other), lease: 0 };
        assert_eq!(word(&judge(for_ever, &me, fresh)), "refuse: in the way");
    }

    #[test]
    fn a_lease_that_is_kept_alive_is_told_from_one_that_runs_out() {
        // (time to live, what each look says, a look every so many ms, alive at which look)
        let rows: [(u64, &[i64], u64, Option<usize>); 5] = [
            (3, &[2, 2, 1, 1, 0, 0], 500, None),
            (3, &[2, 2, 2, 2, 2, 2], 500, Some(3)),
            (10, &[8, 7, 9], 1_000, Some(2)),
            (10, &[9, 9, 8, 8, 7, 7, 6], 500, None),
            (2, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 500, Some(9)),
        ];
        for (ttl, looks, between, expected) in rows {
            let now = Duration::from_secs(50);
            let refusal = ClusterError::WithoutEtcd;
            let mut waiting = Waiting::new(7, refusal, now);
            let alive = looks.iter().enumerate().find_map(|(number, seconds)| {
                let sent = now + Duration::from_millis(between) * u32::try_from(number).expect("few");
                let left = Left { seconds: *seconds, granted: Duration::from_secs(ttl) };
                waiting.looked(Some(left), sent, sent).then_some(number)
            });
            assert_eq!(alive, expected, "a lease of {ttl} s that says {looks:?}");
        }
        let mut gone = Waiting::new(7, ClusterError::WithoutEtcd, Duration::ZERO);
        assert!(!gone.looked(None, Duration::from_secs(60), Duration::from_secs(60)));
    }
}
