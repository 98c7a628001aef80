//! Many calls of many contracts, more than are kept: memory stays flat. `SOAK_CALLS` and
//! `SOAK_CONTRACTS` make it more.

use std::process::Command;
use std::sync::Arc;

use fixtures::Rng;
use vm_runner::{CodeBytes, DiskStore, Failure, ModuleCache, Runner, VmKind};

use crate::toy::{Toy, code, config, toy};

/// So much may be there beside what there was once all had been compiled: what an allocator keeps.
const GROWTH_BYTES: u64 = 24 << 20;

/// Of the modules, which take a multiple of it.
const CACHE_BYTES: usize = 1 << 20;

/// In a process of its own, since the other tests take memory too.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_flat_over_many_contracts() {
    const IN_CHILD: &str = "SOAK_IN_CHILD";
    if std::env::var_os(IN_CHILD).is_some() {
        for vm in VmKind::ALL {
            soak(*vm);
        }
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let name = "soak::memory_is_flat_over_many_contracts";
    let run = child.args([name, "--exact", "--nocapture"]).env(IN_CHILD, "1").output().unwrap();
    let said = [run.stdout, run.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    eprintln!("{}", said.concat());
    assert!(run.status.success());
}

fn soak(vm: VmKind) {
    let (calls, contracts) = (number("SOAK_CALLS", 5_000), number("SOAK_CONTRACTS", 200));
    let contracts: Vec<CodeBytes> = (0..contracts).map(contract).collect();
    let directory = tempfile::tempdir().unwrap();
    let store = DiskStore::open(directory.path(), 8 << 20).unwrap();
    let cache = Arc::new(ModuleCache::new(CACHE_BYTES));
    let config = Arc::new(config());
    let runner = Runner::with_store(vm.vm(), Arc::clone(&cache), config, Arc::new(store));
    for code in &contracts {
        call(&runner, code);
    }
    runner.wait_for_background();
    let before = resident_bytes();
    let mut rng = Rng::new(8);
    for _ in 0..calls {
        call(&runner, rng.pick(&contracts));
        assert!(cache.bytes() <= CACHE_BYTES);
    }
    runner.wait_for_background();
    let after = resident_bytes();
    eprintln!(
        "{vm}: {before} bytes before {calls} calls, {after} after, {:?}",
        runner.store_stats()
    );
    assert!(cache.len() < contracts.len(), "nothing had to give way");
    assert!(after.saturating_sub(before) < GROWTH_BYTES, "{vm}: {after} bytes after {before}");
}

/// Writes to its memory and its globals, and ends well or with a trap.
fn contract(number: u64) -> CodeBytes {
    let end = if number.is_multiple_of(4) {
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))"
    } else {
        ""
    };
    let work = "(global.set 0 (i64.add (global.get 0) (i64.const 1)))".repeat(100);
    code(&format!(
        r#"(module (import "env" "note" (func $note (param i64)))
            (memory 1) (global (mut i64) (i64.const {number})) (table 10 funcref)
            (func $work {work})
            (func (export "main")
                (i64.store (i32.const 100000) (i64.const {number}))
                (call $work) (call $note (global.get 0)) {end}))"#
    ))
}

fn call(runner: &Runner<Toy>, code: &CodeBytes) {
    let finished = runner.run(code, "main", toy(1_000_000)).unwrap();
    assert_eq!(finished.host.notes.len(), 1);
    assert!(matches!(finished.end, Ok(()) | Err(Failure::Trap(_))));
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
