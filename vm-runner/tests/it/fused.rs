//! Several engines as one: they agree, or there is no result and somebody is told.

use std::sync::Arc;

use gas_meter::Gas;
use host_fns::abi::{Host, HostFn};
use parking_lot::Mutex;
use vm_runner::{
    Artifact, Case, Difference, DifferenceSink, Failure, FusedVm, ModuleCache, Run, Runner, Vm,
    VmFault, VmKind, WasmTrap,
};

use crate::toy::{Toy, ToyError, code, config, run_on, toy};
use crate::wrong::{Bug, Wrong};

/// Remembers what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<Saved>>);

struct Saved {
    difference: Difference,
    wasm: Vec<u8>,
    entry: String,
    host: Toy,
}

impl DifferenceSink<Toy> for Told {
    fn found(&self, difference: &Difference, case: Case<'_, Toy>) {
        let Case { wasm, entry, host } = case;
        let (wasm, entry) = (wasm.to_vec(), entry.to_owned());
        self.0.lock().push(Saved {
            difference: difference.clone(),
            wasm,
            entry,
            host: host.clone(),
        });
    }
}

fn engines() -> Vec<Box<dyn Vm<Toy>>> {
    VmKind::ALL.iter().map(|kind| kind.vm()).collect()
}

/// `vms` as one, and what is told of them.
fn watched(vms: Vec<Box<dyn Vm<Toy>>>) -> (FusedVm<Toy>, Arc<Told>) {
    let told = Arc::new(Told::default());
    let sink: Arc<dyn DifferenceSink<Toy>> = told.clone();
    (FusedVm::new(vms).with_sink(sink), told)
}

const GAS: Bug<Toy> = |finished| {
    finished.host.gas.burn(Gas::new(1)).unwrap();
    Ok(())
};

const NOTE: Bug<Toy> = |finished| {
    finished.host.notes.pop();
    Ok(())
};

const TRAP: Bug<Toy> = |finished| {
    finished.end = Err(Failure::Trap(WasmTrap::MemoryOutOfBounds));
    Ok(())
};

const FAULT: Bug<Toy> = |_| Err(VmFault::Engine("broken".to_owned()));

/// All engines, and the first once more with a bug.
fn with(bug: Option<Bug<Toy>>) -> (FusedVm<Toy>, Arc<Told>) {
    let mut vms = engines();
    vms.push(Box::new(Wrong(VmKind::ALL[0].vm(), bug)));
    watched(vms)
}

fn runner(vm: FusedVm<Toy>) -> Runner<Toy> {
    Runner::new(Box::new(vm), Arc::new(ModuleCache::new(64 << 20)), Arc::new(config()))
}

/// With effects, a trap that is exact in the stepwise form only, and ends of all kinds.
const BUSY: &str = r#"(module (import "env" "note" (func $note (param i64)))
    (import "env" "refuse" (func $refuse (result i64))) (memory 1)
    (func (export "marked") (call $note (i64.const 1)) (call $note (i64.const 2)))
    (func (export "outside") (call $note (i64.const 1)) nop nop
        (drop (i32.load (i32.const 0x7fffffff))) nop)
    (func (export "unreachable") (call $note (i64.const 3)) unreachable)
    (func (export "refused") (call $note (i64.const 4)) (drop (call $refuse)))
    (func $deep (export "deep") (call $deep))
    (func (export "endless") (loop (call $note (i64.const 5)) (br 0))))"#;

const ENTRIES: [&str; 7] =
    ["marked", "outside", "unreachable", "refused", "deep", "endless", "nowhere"];

#[test]
fn engines_that_agree_give_the_result_of_each() {
    let (fused, told) = watched(engines());
    let runner = runner(fused);
    for entry in ENTRIES {
        let code = code(BUSY);
        let fused = runner.run(&code, entry, toy(100_000)).unwrap();
        let single = run_on(VmKind::ALL[0], &config(), &code, entry, 100_000);
        assert_eq!(fused.end, single.end, "{entry}");
        assert_eq!(fused.host.notes, single.host.notes, "{entry}");
        assert_eq!(fused.host.gas.burnt(), single.host.gas.burnt(), "{entry}");
    }
    assert!(told.0.lock().is_empty());
}

#[test]
fn a_difference_is_no_result_and_names_what_differs() {
    let first = VmKind::ALL[0];
    let topics: [(Option<Bug<Toy>>, &[&str]); 4] = [
        (Some(GAS), &["gas burnt", "gas used", "compute"]),
        (Some(NOTE), &["notes"]),
        (Some(TRAP), &["end"]),
        (None, &["end", "gas burnt", "gas used", "compute", "notes"]),
    ];
    for (bug, topics) in topics {
        let (fused, told) = with(bug);
        let code = code(BUSY);
        let fault = runner(fused).run(&code, "marked", toy(100_000)).unwrap_err();
        let VmFault::Difference(difference) = fault else { panic!("{fault}") };
        assert_eq!(difference.engines, [first, first]);
        assert_eq!(difference.topics, topics);
        let told = told.0.lock();
        let [saved] = told.as_slice() else { panic!("{} were told", told.len()) };
        assert_eq!(saved.difference, difference);
        assert_eq!(saved.wasm, wat::parse_str(BUSY).unwrap());
        assert_eq!(saved.entry, "marked");
        assert_eq!((saved.host.notes.len(), saved.host.gas.burnt()), (0, Gas::ZERO));
    }
}

#[test]
fn the_message_says_who_and_in_what() {
    let (fused, _) = with(Some(NOTE));
    let fault = runner(fused).run(&code(BUSY), "marked", toy(100_000)).unwrap_err();
    let first = VmKind::ALL[0];
    assert_eq!(fault.to_string(), format!("{first} and {first} differ in notes"));
}

/// What an engine does wrong elsewhere is nothing to this call.
#[test]
fn only_the_call_that_differs_is_lost() {
    let (fused, told) = with(Some(GAS));
    let runner = runner(fused);
    assert!(runner.run(&code(BUSY), "marked", toy(100_000)).is_err());
    let other = code(r#"(module (func (export "main") nop))"#);
    assert_eq!(runner.run(&other, "main", toy(1_000)).unwrap().host.gas.burnt(), Gas::new(9));
    assert_eq!(told.0.lock().len(), 1);
}

#[test]
fn a_fault_of_one_engine_is_a_fault() {
    let (fused, told) = with(Some(FAULT));
    let fault = runner(fused).run(&code(BUSY), "marked", toy(100_000)).unwrap_err();
    assert_eq!(fault, VmFault::Engine("broken".to_owned()));
    assert!(told.0.lock().is_empty());
}

#[test]
fn what_all_engines_refuse_is_refused() {
    let refusing = || -> Box<dyn Vm<Toy>> { Box::new(Wrong(VmKind::ALL[0].vm(), None)) };
    let fused = FusedVm::new(vec![refusing(), refusing()]);
    let finished = runner(fused).run(&code(BUSY), "marked", toy(100_000)).unwrap();
    assert_eq!(finished.end, Err(Failure::Compile));
}

#[test]
fn a_fused_module_can_be_written_down() {
    let wasm = wat::parse_str(
        r#"(module (import "env" "note" (func $note (param i64)))
        (func (export "main") (call $note (i64.const 7))))"#,
    );
    let prepared =
        vm_runner::prepare(&wasm.unwrap(), &config(), gas_meter::instrument::Form::Merged);
    let imports: Vec<&'static HostFn<Toy>> = vec![&Toy::FUNCTIONS[0]];
    let vm = FusedVm::new(engines());
    let module = vm.compile(&prepared.unwrap(), imports.clone()).unwrap().unwrap();
    let artifact = module.artifact().unwrap();
    #[allow(unsafe_code, reason = "loading an artifact")]
    // SAFETY: the same engines made it in this process.
    let load = |artifact: &Artifact| unsafe { vm.load(artifact, imports.clone()) };
    let loaded = load(&artifact).unwrap().expect("it is one of these engines'");
    assert_eq!(loaded.artifact().unwrap(), artifact);
    let Run::Finished(finished) = loaded.run("main", toy(1_000)).unwrap() else { panic!("exact") };
    assert_eq!(finished.end, Ok::<(), Failure<ToyError>>(()));
    assert_eq!(finished.host.notes, [7]);
    for cut in [0, 7, 8, artifact.code.len() / 2] {
        let short = Artifact { code: artifact.code[..cut].to_vec(), ..artifact };
        assert!(load(&short).unwrap().is_none(), "{cut}");
    }
}
