//! etcd and PostgreSQL: up, down, and up again with what they knew.

use crate::setting::play;
use part_e2e::{Etcd, Postgres};

#[test]
fn etcd_answers_with_two_of_three_and_not_with_one() {
    play(|programs, base, net| {
        let mut etcd = Etcd::start(net, programs, base)?;
        etcd.wait_until_healthy(0)?;
        assert_eq!(etcd.get("nothing")?, None);
        etcd.kill(0)?;
        etcd.wait_until_healthy(1)?;
        etcd.kill(1)?;
        assert!(etcd.get("nothing").is_err(), "one of three has no say");
        etcd.restart(0)?;
        etcd.wait_until_healthy(2)?;
        assert_eq!(etcd.get("nothing")?, None);
        Ok(())
    });
}

#[test]
fn postgres_keeps_what_it_was_told_before_it_was_killed() {
    play(|programs, base, net| {
        let mut postgres = Postgres::start(net, programs, base)?;
        postgres.query("create table t (x int)")?;
        postgres.query("insert into t values (41)")?;
        postgres.kill()?;
        assert!(postgres.query("select 1").is_err(), "it is down");
        postgres.restart()?;
        assert_eq!(postgres.query("select x + 1 from t")?.trim(), "42");
        Ok(())
    });
}
