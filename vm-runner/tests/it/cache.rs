//! Compiled modules are kept, and so is that a module cannot be compiled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host_fns::abi::Fault;
use vm_runner::{Code, CodeBytes, CodeHash, ModuleCache, Runner, VmKind};

use crate::toy::{Toy, code, config, prices, toy};

/// Counts how often the bytes are asked for.
struct Counted {
    code: CodeBytes,
    reads: AtomicUsize,
}

impl Code for Counted {
    fn hash(&self) -> CodeHash {
        self.code.hash()
    }

    fn bytes(&self) -> Result<Arc<[u8]>, Fault> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.code.bytes()
    }
}

fn counted(wat: &str) -> Counted {
    Counted { code: code(wat), reads: AtomicUsize::new(0) }
}

fn runner(cache: &Arc<ModuleCache<Toy>>, config: vm_runner::VmConfig) -> Runner<Toy> {
    Runner::new(VmKind::ALL[0].vm(), Arc::clone(cache), Arc::new(config))
}

#[test]
fn bytes_are_read_once() {
    for wat in [
        r#"(module (func (export "main")))"#,
        r#"(module (import "env" "memory" (memory 1)))"#,
        r#"(module (import "env" "nothing" (func)))"#,
    ] {
        let cache = Arc::new(ModuleCache::new(2));
        let code = counted(wat);
        let first = runner(&cache, config()).run(&code, "main", toy(1_000)).unwrap();
        let second = runner(&cache, config()).run(&code, "main", toy(1_000)).unwrap();
        assert_eq!(first.end, second.end);
        assert_eq!(first.host.gas.burnt(), second.host.gas.burnt());
        assert_eq!(code.reads.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn another_configuration_is_another_module() {
    let cache = Arc::new(ModuleCache::new(2));
    let code = counted(r#"(module (func (export "main") nop))"#);
    let mut dearer = config();
    dearer.prices = prices(10);
    let burnt = |config| {
        runner(&cache, config).run(&code, "main", toy(1_000)).unwrap().host.gas.burnt().units()
    };
    assert_eq!((burnt(config()), burnt(dearer), burnt(config())), (9, 90, 9));
    assert_eq!(code.reads.load(Ordering::Relaxed), 2);
}

#[test]
fn the_module_used_longest_ago_gives_way() {
    let cache = Arc::new(ModuleCache::new(2));
    let runner = runner(&cache, config());
    let codes = ["nop", "nop nop", "nop nop nop"]
        .map(|body| counted(&format!(r#"(module (func (export "main") {body}))"#)));
    for used in [0, 1, 0, 2, 0, 1] {
        runner.warm(&codes[used]).unwrap();
    }
    assert_eq!(cache.len(), 2);
    let reads = codes.map(|code| code.reads.into_inner());
    assert_eq!(reads, [1, 2, 1]);
}

/// A chain that runs for long sees many contracts: the code of those that gave way is given back.
#[cfg(target_os = "linux")]
#[test]
fn machine_code_of_forgotten_modules_is_freed() {
    const MODULES: usize = 300;
    let executable_mappings = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().filter(|line| line.contains(" r-xp ")).count()
    };
    let cache = Arc::new(ModuleCache::new(2));
    let runner = runner(&cache, config());
    let before = executable_mappings();
    for number in 0..MODULES {
        let code = code(&format!(r#"(module (func (export "main") (drop (i32.const {number}))))"#));
        runner.run(&code, "main", toy(1_000)).unwrap();
    }
    // Other tests compile modules meanwhile.
    assert!(executable_mappings() < before + MODULES / 2);
}
