//! Hosts, processes on them, and the wire.

use crate::setting::play;
use nix::sys::signal::Signal;
use part_e2e::{Host, Launch, PATIENCE, Trouble, wait_until};
use std::sync::Arc;
use std::time::Duration;

/// Whether one host hears from another within a second.
fn hears(from: &Arc<Host>, to: &Host) -> Result<bool, Trouble> {
    let script =
        format!("exec 3<>/dev/tcp/{}/4000 && read -t 1 word <&3 && test \"$word\" = hello", to.address());
    let launch = Launch::of("timeout").log("hears").args(["1", "bash", "-c", &script]);
    Ok(from.run(launch, PATIENCE)?.ended.code == Some(0))
}

/// Something that says hello to whoever connects, one after the other.
fn greet(host: &Arc<Host>) -> Result<(), Trouble> {
    let script = "import socket\n\
                  s = socket.create_server(('0.0.0.0', 4000))\n\
                  while True:\n    c, _ = s.accept()\n    c.sendall(b'hello\\n')\n    c.close()\n";
    host.start(Launch::of("python3").log("greeter").args(["-c", script]))?;
    wait_until("the greeter greets", PATIENCE, || Ok(hears(host, host)?.then_some(())))
}

#[test]
fn a_cut_cuts_what_it_says_and_nothing_else() {
    play(|_, _, net| {
        let (a, b, c) = (net.host("a")?, net.host("b")?, net.host("c")?);
        for host in [&a, &b, &c] {
            greet(host)?;
        }
        let hearing = || -> Result<[bool; 4], Trouble> {
            Ok([hears(&a, &b)?, hears(&b, &a)?, hears(&a, &c)?, hears(&b, &c)?])
        };
        assert_eq!(hearing()?, [true; 4], "whole");
        net.cut(&[&a], &[&b])?;
        assert_eq!(hearing()?, [false, false, true, true], "a and b are cut");
        net.heal()?;
        assert_eq!(hearing()?, [true; 4], "healed");
        net.cut(&[&a], &[&b, &c])?;
        assert_eq!(hearing()?, [false, false, false, true], "a is alone");
        net.heal()?;
        Ok(())
    });
}

#[test]
fn a_cut_one_way_lets_the_other_way_through() {
    play(|_, _, net| {
        let (a, b) = (net.host("a")?, net.host("b")?);
        // Datagrams, because nothing of a connection works one way.
        let listen = |host: &Arc<Host>| {
            let script = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                          s.bind(('0.0.0.0', 4001))\nwhile True:\n    print(s.recv(99).decode(), flush=True)\n";
            host.start(Launch::of("python3").log("listener").args(["-c", script]))
        };
        let send = |from: &Arc<Host>, to: &Host, word: &str| {
            let script = format!(
                "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                 s.sendto(b'{word}', ('{}', 4001))\n",
                to.address()
            );
            from.run(Launch::of("python3").log("sender").args(["-c", &script]), PATIENCE)?
                .expect("sending", 0)
        };
        let heard = |process: &part_e2e::Process, word: &str| {
            std::fs::read_to_string(process.stdout()).unwrap_or_default().lines().any(|line| line == word)
        };
        let (at_a, at_b) = (listen(&a)?, listen(&b)?);
        let until_heard = |process: &part_e2e::Process, from: &Arc<Host>, to: &Host, word: &str| {
            wait_until(&format!("{word} is heard"), PATIENCE, || {
                send(from, to, word)?;
                Ok(heard(process, word).then_some(()))
            })
        };
        until_heard(&at_a, &b, &a, "first")?;
        until_heard(&at_b, &a, &b, "first")?;
        net.cut_one_way(&[&a], &[&b])?;
        send(&a, &b, "lost")?;
        until_heard(&at_a, &b, &a, "second")?;
        net.heal()?;
        until_heard(&at_b, &a, &b, "third")?;
        assert!(!heard(&at_b, "lost"), "what was sent into a cut arrived");
        Ok(())
    });
}

#[test]
fn processes_are_told_apart_stopped_and_collected() {
    play(|_, base, net| {
        let host = net.host("a")?;
        let said =
            host.run(Launch::of("sh").args(["-c", "echo $0-$X; hostname; exit 7"]).env("X", "x"), PATIENCE)?;
        assert_eq!((said.ended.code, said.out.as_str()), (Some(7), "sh-x\na\n"));
        let sleeper = host.start(Launch::of("sleep").args(["1000"]))?;
        sleeper.signal(Signal::SIGTERM)?;
        assert_eq!(sleeper.wait(PATIENCE)?.signal, Some(Signal::SIGTERM as i32));
        assert!(host.start(Launch::of(base.path().join("nothing"))).is_err(), "there is no such program");
        // What the dead leave behind belongs to the host and goes with it.
        let script = "(setsid sleep 1000 & setsid sleep 1000 &) ; exec sleep 1000";
        let tree = host.start(Launch::of("sh").log("tree").args(["-c", script]))?;
        let count = || -> Result<usize, Trouble> {
            let said = host.run(
                Launch::of("sh").args(["-c", "grep -lz ^sleep /proc/[0-9]*/cmdline | wc -l"]),
                PATIENCE,
            )?;
            Ok(said.out.trim().parse().unwrap_or(0))
        };
        wait_until("all three sleep", PATIENCE, || Ok((count()? == 3).then_some(())))?;
        tree.kill()?;
        assert_eq!(count()?, 2, "the orphans sleep on");
        host.kill_all()?;
        assert_eq!(count()?, 0);
        Ok(())
    });
}

#[test]
fn a_frozen_host_does_nothing_until_it_is_thawed() {
    play(|_, _, net| {
        let (a, b) = (net.host("a")?, net.host("b")?);
        greet(&b)?;
        assert!(hears(&a, &b)?);
        b.signal_all(Signal::SIGSTOP)?;
        assert!(!hears(&a, &b)?);
        b.signal_all(Signal::SIGCONT)?;
        wait_until("it greets again", Duration::from_secs(10), || Ok(hears(&a, &b)?.then_some(())))
    });
}
