//! Compiled modules are kept in memory, and so is that a module cannot be compiled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use host_fns::abi::Fault;
use vm_runner::{Code, CodeBytes, CodeHash, Failure, ModuleCache, Runner, VmFault, VmKind};

use crate::toy::{Toy, code, config, prices, toy};

/// Counts how often the bytes are asked for: a module that is kept is not compiled again.
pub(crate) struct Counted {
    code: CodeBytes,
    reads: Arc<AtomicUsize>,
}

impl Counted {
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
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

pub(crate) fn counted(wat: &str) -> Counted {
    Counted { code: code(wat), reads: Arc::default() }
}

const AMPLE: usize = 64 << 20;

fn runner(cache: &Arc<ModuleCache<Toy>>, config: vm_runner::VmConfig) -> Runner<Toy> {
    Runner::new(VmKind::ALL[0].vm(), Arc::clone(cache), Arc::new(config))
}

/// What a module takes on the engine of [`runner`].
fn bytes_of(code: &dyn Code) -> usize {
    let cache = Arc::new(ModuleCache::new(AMPLE));
    runner(&cache, config()).warm(code).unwrap();
    cache.bytes()
}

#[test]
fn bytes_are_read_once() {
    for wat in [
        r#"(module (func (export "main")))"#,
        r#"(module (import "env" "memory" (memory 1)))"#,
        r#"(module (import "env" "nothing" (func)))"#,
    ] {
        let cache = Arc::new(ModuleCache::new(AMPLE));
        let code = counted(wat);
        let first = runner(&cache, config()).run(&code, "main", toy(1_000)).unwrap();
        let second = runner(&cache, config()).run(&code, "main", toy(1_000)).unwrap();
        assert_eq!(first.end, second.end);
        assert_eq!(first.host.gas.burnt(), second.host.gas.burnt());
        assert_eq!(code.reads(), 1);
    }
}

#[test]
fn another_configuration_is_another_module() {
    let cache = Arc::new(ModuleCache::new(AMPLE));
    let code = counted(r#"(module (func (export "main") nop))"#);
    let mut dearer = config();
    dearer.prices = prices(10);
    let burnt = |config| {
        runner(&cache, config).run(&code, "main", toy(1_000)).unwrap().host.gas.burnt().units()
    };
    assert_eq!((burnt(config()), burnt(dearer), burnt(config())), (9, 90, 9));
    assert_eq!(code.reads(), 2);
}

#[test]
fn the_module_used_longest_ago_gives_way() {
    let codes = ["nop", "nop nop", "nop nop nop"]
        .map(|body| counted(&format!(r#"(module (func (export "main") {body}))"#)));
    let largest = codes.iter().map(|code| bytes_of(&code.code)).max().unwrap();
    let cache = Arc::new(ModuleCache::new(2 * largest));
    let runner = runner(&cache, config());
    for used in [0, 1, 0, 2, 0, 1] {
        runner.warm(&codes[used]).unwrap();
        assert!(cache.bytes() <= 2 * largest);
    }
    assert_eq!(cache.len(), 2);
    assert_eq!(codes.map(|code| code.reads()), [1, 2, 1]);
}

/// The bound is on what was compiled: the same wasm counts more where more comes of it.
#[test]
fn the_size_of_a_module_is_that_of_its_machine_code() {
    let of = |body: &str| code(&format!(r#"(module (func (export "main") {body}))"#));
    let nops = of(&"nop ".repeat(200));
    let calls = of(&"(call 0) ".repeat(100));
    assert_eq!(nops.bytes().unwrap().len(), calls.bytes().unwrap().len());
    assert!(bytes_of(&calls) > bytes_of(&nops));
}

#[test]
fn a_module_larger_than_the_cache_still_runs_and_displaces_none() {
    let small = counted(r#"(module (func (export "main")))"#);
    let calls = "(call $f)".repeat(100);
    let large = counted(&format!(r#"(module (func $f) (func (export "main") {calls}))"#));
    let (room, too_much) = (bytes_of(&small.code), bytes_of(&large.code));
    assert!(room < too_much);
    let cache = Arc::new(ModuleCache::new(room));
    let runner = runner(&cache, config());
    for _ in 0..2 {
        assert_eq!(runner.run(&small, "main", toy(1_000_000)).unwrap().end, Ok(()));
        assert_eq!(runner.run(&large, "main", toy(1_000_000)).unwrap().end, Ok(()));
    }
    assert_eq!((small.reads(), large.reads()), (1, 2));
    assert_eq!((cache.len(), cache.bytes()), (1, room));
}

/// A trap has a module run again in its other form, which is kept beside the first.
#[test]
fn the_form_that_is_compiled_at_a_trap_counts_too() {
    let wat = r#"(module (func (export "main") (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#;
    let (code, cache) = (counted(wat), Arc::new(ModuleCache::new(AMPLE)));
    let runner = runner(&cache, config());
    runner.warm(&code).unwrap();
    let one = cache.bytes();
    for _ in 0..2 {
        assert!(matches!(
            runner.run(&code, "main", toy(1_000)).unwrap().end,
            Err(Failure::Trap(_))
        ));
    }
    assert_eq!((cache.len(), code.reads()), (2, 2));
    assert!(cache.bytes() > one);
}

const THREADS: usize = 8;

/// Has a module called by [`THREADS`] threads at once. The first that reads its bytes waits until
/// all have asked, and then does `first`. Returns how each call ended, and how often the bytes were
/// read.
fn call_at_once(
    first: fn() -> Result<(), Fault>,
) -> (Vec<std::thread::Result<Result<(), VmFault>>>, usize) {
    struct Held<'t> {
        code: CodeBytes,
        all_asked: &'t Barrier,
        reads: &'t AtomicUsize,
        first: fn() -> Result<(), Fault>,
    }
    impl Code for Held<'_> {
        fn hash(&self) -> CodeHash {
            self.code.hash()
        }

        fn bytes(&self) -> Result<Arc<[u8]>, Fault> {
            if self.reads.fetch_add(1, Ordering::Relaxed) == 0 {
                self.all_asked.wait();
                (self.first)()?;
            }
            self.code.bytes()
        }
    }
    let cache = Arc::new(ModuleCache::new(AMPLE));
    let runner = runner(&cache, config());
    let (all_asked, reads) = (Barrier::new(2), AtomicUsize::new(0));
    let code = code(r#"(module (func (export "main")))"#);
    let ends = std::thread::scope(|scope| {
        let call = || {
            let code = Held { code: code.clone(), all_asked: &all_asked, reads: &reads, first };
            let finished = runner.run(&code, "main", toy(1_000))?;
            assert_eq!(finished.end, Ok(()));
            Ok(())
        };
        let calls: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
        all_asked.wait();
        calls.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    assert_eq!(cache.len(), 1);
    (ends, reads.into_inner())
}

#[test]
fn threads_that_ask_for_one_module_compile_it_once() {
    let (ends, reads) = call_at_once(|| Ok(()));
    assert!(ends.into_iter().all(|end| matches!(end, Ok(Ok(())))));
    assert_eq!(reads, 1);
}

#[test]
fn who_waits_for_a_module_tries_itself_when_its_maker_fails() {
    let (ends, reads) = call_at_once(|| Err(Fault::new("lost")));
    let failed = ends.iter().filter(|end| matches!(end, Ok(Err(VmFault::Host(_))))).count();
    let succeeded = ends.iter().filter(|end| matches!(end, Ok(Ok(())))).count();
    assert_eq!((failed, succeeded, reads), (1, THREADS - 1, 2));
}

#[test]
fn who_waits_for_a_module_tries_itself_when_its_maker_panics() {
    let (ends, reads) = call_at_once(|| panic!("a bug of the embedder"));
    let panicked = ends.iter().filter(|end| end.is_err()).count();
    let succeeded = ends.iter().filter(|end| matches!(end, Ok(Ok(())))).count();
    assert_eq!((panicked, succeeded, reads), (1, THREADS - 1, 2));
}

#[test]
fn a_module_that_is_compiled_ahead_is_there_for_its_call() {
    for wat in [
        r#"(module (func (export "main")))"#,
        r#"(module (import "env" "memory" (memory 1)))"#,
        r#"(module (import "env" "nothing" (func)))"#,
    ] {
        let cache = Arc::new(ModuleCache::new(AMPLE));
        let runner = runner(&cache, config());
        let (ahead, later) = (counted(wat), counted(wat));
        let expected = self::runner(&Arc::new(ModuleCache::new(AMPLE)), config());
        let expected = expected.run(&code(wat), "main", toy(1_000)).unwrap();
        runner.warm_later(ahead);
        runner.wait_for_background();
        let finished = runner.run(&later, "main", toy(1_000)).unwrap();
        assert_eq!((cache.len(), later.reads()), (1, 0));
        assert_eq!(finished.end, expected.end);
        assert_eq!(finished.host.gas.burnt(), expected.host.gas.burnt());
    }
}

/// The bytes are asked for by the thread that waits for them.
#[test]
fn without_a_background_nothing_is_left_for_later() {
    struct Asked(CodeBytes, std::sync::mpsc::Sender<std::thread::ThreadId>);
    impl Code for Asked {
        fn hash(&self) -> CodeHash {
            self.0.hash()
        }

        fn bytes(&self) -> Result<Arc<[u8]>, Fault> {
            self.1.send(std::thread::current().id()).unwrap();
            self.0.bytes()
        }
    }
    let (sender, asked) = std::sync::mpsc::channel();
    let cache = Arc::new(ModuleCache::new(AMPLE));
    let runner = runner(&cache, config()).without_background();
    let code = code(r#"(module (func (export "main")))"#);
    runner.warm_later(Asked(code.clone(), sender));
    assert_eq!(cache.len(), 1);
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), [std::thread::current().id()]);
    assert_eq!(runner.run(&code, "main", toy(1_000)).unwrap().end, Ok(()));
}

/// Code whose bytes come once the test says so.
struct Late {
    code: CodeBytes,
    reading: Arc<Barrier>,
    let_go: Arc<Barrier>,
}

impl Code for Late {
    fn hash(&self) -> CodeHash {
        self.code.hash()
    }

    fn bytes(&self) -> Result<Arc<[u8]>, Fault> {
        self.reading.wait();
        self.let_go.wait();
        self.code.bytes()
    }
}

fn late(code: CodeBytes) -> Late {
    let barrier = || Arc::new(Barrier::new(2));
    Late { code, reading: barrier(), let_go: barrier() }
}

#[test]
fn a_call_waits_for_the_compilation_that_is_under_way() {
    let code = counted(r#"(module (func (export "main")))"#);
    let late = late(code.code.clone());
    let (reading, let_go) = (Arc::clone(&late.reading), Arc::clone(&late.let_go));
    let runner = runner(&Arc::new(ModuleCache::new(AMPLE)), config());
    runner.warm_later(late);
    reading.wait();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| runner.run(&code, "main", toy(1_000)).unwrap().end);
        let_go.wait();
        assert_eq!(call.join().unwrap(), Ok(()));
    });
    assert_eq!(code.reads(), 0);
}

/// A chain is dropped in the middle of its work: nobody waits for what was to come.
#[test]
fn a_runner_that_is_dropped_does_not_wait_for_its_thread() {
    let first = late(code(r#"(module (func (export "main")))"#));
    let second = counted(r#"(module (func (export "main") nop))"#);
    let reads = Arc::clone(&second.reads);
    let (reading, let_go) = (Arc::clone(&first.reading), Arc::clone(&first.let_go));
    let cache = Arc::new(ModuleCache::new(AMPLE));
    let runner = runner(&cache, config());
    runner.warm_later(first);
    runner.warm_later(second);
    reading.wait();
    drop(runner);
    let_go.wait();
    // The thread's own handle is the last but ours.
    while Arc::strong_count(&cache) > 1 {
        std::thread::yield_now();
    }
    assert_eq!((cache.len(), reads.load(Ordering::Relaxed)), (1, 0));
}

#[test]
fn more_than_can_wait_is_compiled_by_its_call() {
    let held = late(code(r#"(module (func (export "main")))"#));
    let (reading, let_go) = (Arc::clone(&held.reading), Arc::clone(&held.let_go));
    let cache = Arc::new(ModuleCache::new(AMPLE));
    let runner = runner(&cache, config());
    runner.warm_later(held);
    reading.wait();
    let modules: Vec<CodeBytes> = (0..200)
        .map(|number| {
            code(&format!(r#"(module (func (export "main") (drop (i32.const {number}))))"#))
        })
        .collect();
    for code in &modules {
        runner.warm_later(code.clone());
    }
    let_go.wait();
    runner.wait_for_background();
    assert!((2..modules.len()).contains(&cache.len()), "{}", cache.len());
    for code in &modules {
        assert_eq!(runner.run(code, "main", toy(1_000)).unwrap().end, Ok(()));
    }
}

#[test]
fn a_panic_in_the_background_is_the_end_of_one_job_only() {
    struct Broken;
    impl Code for Broken {
        fn hash(&self) -> CodeHash {
            CodeHash([0; 32])
        }

        fn bytes(&self) -> Result<Arc<[u8]>, Fault> {
            panic!("a bug of the embedder")
        }
    }
    let cache = Arc::new(ModuleCache::new(AMPLE));
    let runner = runner(&cache, config());
    runner.warm_later(Broken);
    runner.warm_later(code(r#"(module (func (export "main")))"#));
    runner.wait_for_background();
    assert_eq!(cache.len(), 1);
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
    let cache = Arc::new(ModuleCache::new(256 << 10));
    let runner = runner(&cache, config());
    let before = executable_mappings();
    for number in 0..MODULES {
        let code = code(&format!(r#"(module (func (export "main") (drop (i32.const {number}))))"#));
        runner.run(&code, "main", toy(1_000)).unwrap();
    }
    assert!((1..MODULES / 2).contains(&cache.len()), "{}", cache.len());
    // Other tests compile modules meanwhile.
    assert!(executable_mappings() < before + MODULES / 2);
}
