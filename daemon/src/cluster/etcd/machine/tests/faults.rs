//! Histories by chance: answers and connections are lost, players freeze, etcd loses leases and everything.

use super::fake::{Etcd, Player};
use super::{TTL, machine, member, ms};
use crate::cluster::etcd::model::{Ask, Event};
use crate::cluster::etcd::trouble::{Kind, Trouble};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Chance from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32)
    }

    /// True once in so many times.
    fn one_in(&mut self, times: u64) -> bool {
        self.roll().is_multiple_of(times)
    }
}

struct World {
    etcd: Etcd,
    players: Vec<Player>,
    /// Players that do not move until then.
    frozen: [std::time::Duration; 3],
    dice: Dice,
}

impl World {
    fn new(seed: u64) -> World {
        let players = NAMES.iter().map(|name| Player::new(machine(member(name, name, 1)))).collect();
        World { etcd: Etcd::default(), players, frozen: [ms(0); 3], dice: Dice(seed) }
    }

    /// A moment of trouble.
    fn trouble(&mut self) {
        let World { etcd, players, frozen, dice } = self;
        etcd.now += ms(dice.roll() % 120);
        etcd.expire();
        if dice.one_in(400) {
            etcd.wipe();
            players.iter_mut().for_each(|player| player.cut(etcd));
        }
        for (player, frozen) in players.iter_mut().zip(frozen) {
            if dice.one_in(150) {
                *frozen = etcd.now + ms(dice.roll() % 6_000);
            }
            if *frozen > etcd.now {
                continue;
            }
            player.machine.tick(etcd.now);
            if dice.one_in(60) {
                player.cut(etcd);
            }
            if !dice.one_in(3) {
                player.hear(etcd);
            }
            if !dice.one_in(6) {
                player.beat(etcd);
            }
            if dice.one_in(200) {
                player.machine.resign(ms(dice.roll() % 2_000), etcd.now);
            }
            if let Some(ask) = player.machine.next(etcd.now) {
                step(player, etcd, ask, dice);
            }
        }
    }

    /// Those that hold the office by their own word, frozen ones left out: they cannot know the time.
    fn in_office(&self) -> Vec<&'static str> {
        let awake = NAMES.iter().zip(&self.players).zip(&self.frozen);
        let awake = awake.filter(|(_, frozen)| **frozen <= self.etcd.now);
        awake
            .filter(|((_, player), _)| player.view(&self.etcd).in_office)
            .map(|((name, _), _)| *name)
            .collect()
    }
}

fn step(player: &mut Player, etcd: &mut Etcd, ask: Ask, dice: &mut Dice) {
    let lost = Event::Failed { trouble: Trouble::new(Kind::Connection, &"http://e".into(), "is away") };
    let event = match dice.roll() % 10 {
        // Never arrived.
        0 => lost,
        // Done, but the answer never came.
        1 => {
            player.play(etcd, ask);
            lost
        }
        _ => player.play(etcd, ask),
    };
    let roll = dice.roll();
    player.machine.handle(event, etcd.now, roll);
}

#[test]
fn at_most_one_holds_the_office_and_in_the_end_one_does() {
    for seed in 0..40 {
        let mut world = World::new(seed);
        let mut wiped = 0;
        let mut calm_at = ms(0);
        for _ in 0..800 {
            world.trouble();
            if world.etcd.wiped != wiped {
                // A wiped etcd has forgotten who holds the office; the one who does hears of it within moments.
                wiped = world.etcd.wiped;
                calm_at = world.etcd.now + TTL;
            }
            let holders = world.in_office();
            assert!(
                holders.len() <= 1 || world.etcd.now < calm_at,
                "seed {seed}: {holders:?} at {:?}",
                world.etcd.now
            );
        }
        world.frozen = [ms(0); 3];
        let World { etcd, players, .. } = &mut world;
        let mut all: Vec<&mut Player> = players.iter_mut().collect();
        etcd.pass(ms(15_000), &mut all);
        for player in &all {
            let view = player.view(etcd);
            assert_eq!((view.members.len(), &view.fatal, &view.degraded), (3, &None, &None), "seed {seed}");
            assert!(view.leader.is_some(), "seed {seed}");
        }
        assert_eq!(world.in_office().len(), 1, "seed {seed}");
    }
}
