//! Requests that no honest client sends, beside one that is honest. `cargo bench --bench hostile` does the same for a
//! minute and measures.

#[path = "../../../benches/hostile/attacks.rs"]
mod attacks;

use std::sync::atomic::{AtomicBool, Ordering};

use fixtures::Rng;
use sandboxd::rpc::{RpcConfig, RpcLimits};
use serde_json::json;
use std::time::Duration;

use super::client::Client;
use super::{Rig, encoded};

/// Attackers, and the attacks that each makes.
const ATTACKERS: u64 = 4;
const ATTACKS: usize = 60;

#[test]
fn attacks_leave_nothing_behind_and_the_honest_are_served() {
    // Those who stay away without closing are to be noticed within the test.
    let soon = Duration::from_secs(2);
    let limits = RpcLimits {
        head_timeout: soon,
        body_timeout: soon,
        socket_timeout: soon,
        ..RpcLimits::default()
    };
    let rig = Rig::with(RpcConfig { limits, ..RpcConfig::neard() });
    let address = rig.server.address();
    let done = AtomicBool::new(false);
    let mut sent = 0;
    std::thread::scope(|threads| {
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|seed| {
                threads.spawn(move || {
                    let mut rng = Rng::new(seed);
                    (0..ATTACKS).for_each(|_| attacks::attack(address, &mut rng));
                })
            })
            .collect();
        threads.spawn(|| {
            for attacker in attackers {
                attacker.join().expect("an attacker does not panic");
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut client = rig.client();
        while !done.load(Ordering::Relaxed) {
            sent += 1;
            let tx =
                json!({"signed_tx_base64": encoded(&rig.transfer(sent)), "wait_until": "FINAL"});
            assert_eq!(client.result("send_tx", &tx)["final_execution_status"], "FINAL");
            assert_eq!(client.get("/status").status, 200);
        }
    });
    let mut client = rig.client();
    for (name, value) in [("connections", "1"), ("requests_waiting", "0"), ("subscriptions", "0")] {
        wait_for(&mut client, &format!("sandboxd_rpc_{name} {value}\n"));
    }
}

/// Waits until the metrics have this line: the server notices on its own time that clients left.
fn wait_for(client: &mut Client, line: &str) {
    let mut metrics = client.get("/metrics").text();
    for _ in 0..100_000 {
        if metrics.contains(line) {
            return;
        }
        metrics = client.get("/metrics").text();
    }
    panic!("no {line}in\n{metrics}");
}
