//! Calls of NEAR's contracts on which engines differ: saved, run again, made smaller.

use std::sync::Arc;

use gas_meter::{Cost, Gas};
use host_fns::near::{
    AccountContract, Config, Context, Fee, Fees, InMemory, Limits, Mode, NearHost, PromiseResult,
    cost,
};
use parking_lot::Mutex;
use vm_runner::near::{Fixture, FixtureSink, InvalidFixture, ReplayHost, shrink, topics};
use vm_runner::{
    CodeBytes, DifferenceSink, Finished, FusedVm, LoadingCosts, ModuleCache, Runner, Vm, VmConfig,
    VmFault, VmKind,
};

use crate::toy::config;
use crate::wrong::{Bug, Wrong};

/// Burns one more when there is a log.
const GAS_AFTER_LOGS: Bug<ReplayHost> = |Finished { host, .. }: &mut Finished<ReplayHost>| {
    if !host.core.logs.is_empty() {
        // All was burnt already when it does not fit.
        let _ = host.core.gas.burn(Gas::new(1));
    }
    Ok(())
};

/// `marked` logs what it reads from storage under the first two bytes of its input, after much that
/// is nothing to the log.
const CONTRACT: &str = r#"(module
    (import "env" "input" (func $input (param i64)))
    (import "env" "read_register" (func $read_register (param i64 i64)))
    (import "env" "storage_read" (func $storage_read (param i64 i64 i64) (result i64)))
    (import "env" "log_utf8" (func $log_utf8 (param i64 i64)))
    (memory 1)
    (data (i32.const 1000) "nothing to do with it")
    (data (i32.const 2000) "neither has this")
    (func $busy (local i32)
        (loop (br_if 0 (i32.ne (i32.const 99)
            (local.tee 0 (i32.add (local.get 0) (i32.const 1)))))))
    (func (export "other") (call $busy) (call $busy))
    (func (export "marked")
        (call $input (i64.const 0))
        (call $read_register (i64.const 0) (i64.const 0))
        (if (i64.eq (i64.const 1) (call $storage_read (i64.const 2) (i64.const 0) (i64.const 1)))
            (then (call $log_utf8 (i64.const 2) (i64.const 0))))
        (call $busy)))"#;

fn host_config() -> Config {
    let fee = Cost::of_gas(Gas::new(100));
    Config {
        costs: Arc::new(cost::table(|_| Cost::of_gas(Gas::new(3)))),
        fees: Fees::new(|_| Fee { send_sir: fee, send_not_sir: fee, exec: fee }),
        common_limits: host_fns::common::Limits {
            max_register_bytes: 1 << 20,
            max_registers: 100,
            registers_memory_bytes: 1 << 20,
            max_logs: 100,
            max_total_log_bytes: 1 << 14,
            max_output_bytes: 1 << 20,
        },
        limits: Limits {
            max_gas_burnt: Gas::new(1_000_000),
            max_contract_bytes: 1 << 20,
            max_storage_key_bytes: 2048,
            max_storage_value_bytes: 1 << 20,
            inline_value_bytes: 4000,
            max_promises: 100,
            max_input_data_dependencies: 100,
            max_yield_payload_bytes: 1024,
            max_storage_proof_bytes: 1 << 20,
        },
        regular_op_gas: 1,
        extra_bytes_per_record: 40,
        one_yocto_on_promise: false,
    }
}

fn vm_config() -> VmConfig {
    let loading =
        Some(LoadingCosts { base: cost::STORAGE_READ_BASE, byte: cost::STORAGE_READ_KEY_BYTE });
    VmConfig { loading, ..config() }
}

fn context(input: &[u8]) -> Context {
    Context {
        current_account_id: "alice.near".to_owned(),
        signer_account_id: "bob.near".to_owned(),
        signer_public_key: vec![0; 33],
        predecessor_account_id: "bob.near".to_owned(),
        refund_to_account_id: "bob.near".to_owned(),
        input: input.into(),
        promise_results: [
            PromiseResult::NotReady,
            PromiseResult::Failed,
            PromiseResult::Successful(Arc::from(*b"value")),
        ]
        .into(),
        block_height: 10,
        block_timestamp_ns: 42,
        epoch_height: 1,
        account_balance: u128::MAX / 2,
        account_locked_balance: 50,
        storage_usage: 12_000,
        account_contract: AccountContract::Local([7; 32]),
        attached_deposit: 1,
        prepaid_gas: Gas::new(900_000),
        random_seed: (0..32).collect(),
        mode: Mode::Call,
        output_data_receivers: vec!["carol.near".to_owned()],
    }
}

fn host(input: &[u8]) -> ReplayHost {
    let mut world = InMemory::new("alice.near", "localnet");
    for key in [b"aa", b"xy", b"zz"] {
        world.storage.insert(key.to_vec(), b"stored".to_vec());
    }
    world.validators.insert("validator.near".to_owned(), 1 << 100);
    NearHost::new(world, context(input), Arc::new(host_config())).unwrap()
}

/// All engines, and the first once more with the bug.
fn engines() -> Vec<Box<dyn Vm<ReplayHost>>> {
    let mut vms: Vec<Box<dyn Vm<ReplayHost>>> = VmKind::ALL.iter().map(|kind| kind.vm()).collect();
    vms.push(Box::new(Wrong(VmKind::ALL[0].vm(), Some(GAS_AFTER_LOGS))));
    vms
}

/// The fixture of a call on which the engines differ.
fn fixture() -> Fixture {
    let saved: Arc<Mutex<Vec<Fixture>>> = Arc::default();
    let to = Arc::clone(&saved);
    let config = Arc::new(vm_config());
    let sink = FixtureSink::new(Arc::clone(&config), VmKind::ALL.to_vec(), move |fixture| {
        to.lock().push(fixture.clone());
    });
    let sink: Arc<dyn DifferenceSink<ReplayHost>> = Arc::new(sink);
    let fused = FusedVm::new(engines()).with_sink(sink);
    let runner = Runner::new(Box::new(fused), Arc::new(ModuleCache::new(64 << 20)), config);
    let code = CodeBytes::new(wat::parse_str(CONTRACT).unwrap());
    let fault = runner.run(&code, "marked", host(b"xy and more")).unwrap_err();
    let VmFault::Difference(difference) = fault else { panic!("{fault}") };
    assert_eq!(difference.topics, ["gas burnt", "gas used", "compute"]);
    let mut saved = saved.lock();
    assert_eq!(saved.len(), 1);
    saved.remove(0)
}

#[test]
fn a_fixture_is_the_call_again() {
    let fixture = fixture();
    let runs = fixture.run(engines()).unwrap();
    assert_eq!(topics(&runs), ["compute", "gas burnt", "gas used"]);
    let config = Arc::new(vm_config());
    let code = CodeBytes::new(wat::parse_str(CONTRACT).unwrap());
    for (kind, run) in VmKind::ALL.iter().zip(&runs) {
        let runner =
            Runner::new(kind.vm(), Arc::new(ModuleCache::new(64 << 20)), Arc::clone(&config));
        let finished = runner.run(&code, "marked", host(b"xy and more")).unwrap();
        assert_eq!(finished.host.core.gas.burnt().units(), run.burnt);
        assert_eq!((run.end.as_str(), finished.end), ("returned", Ok(())));
        let logs = run.observed.iter().find(|(topic, _)| *topic == "logs").unwrap();
        assert!(logs.1.ends_with(b"xy"));
    }
    let last = runs.last().unwrap();
    assert_eq!(last.burnt, runs[0].burnt + 1);
}

#[test]
fn engines_without_a_bug_agree_on_it() {
    let fixture = fixture();
    let runs = fixture.run(fixture.engines().unwrap()).unwrap();
    assert_eq!(runs.len(), VmKind::ALL.len());
    assert_eq!(topics(&runs), Vec::<&str>::new());
    assert_eq!(shrink(&fixture, &|| fixture.engines().unwrap()), Ok(None));
}

#[test]
fn a_fixture_is_read_as_it_was_written() {
    let fixture = fixture();
    let json = fixture.to_json().unwrap();
    assert_eq!(Fixture::from_json(&json).as_ref(), Ok(&fixture));
    let newer = json.replace("\"version\":1", "\"version\":2");
    assert_eq!(Fixture::from_json(&newer), Err(InvalidFixture::Version(2)));
    for broken in ["", "{}", "[]", "7", json.split_at(json.len() / 2).0] {
        assert!(matches!(Fixture::from_json(broken), Err(InvalidFixture::Format(_))), "{broken}");
    }
}

/// The file that the command line is tested with: who changes the format sees it here.
#[test]
fn the_format_is_that_of_the_file() {
    let path = "tests/fixtures/logs.json";
    let mut fixture = fixture();
    fixture.engines = ["singlepass", "wasmi"].map(str::to_owned).to_vec();
    let json = fixture.to_json().unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, json + "\n").unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(path).unwrap(), json + "\n");
    }
}

#[test]
fn an_engine_that_is_not_there_is_named() {
    let mut fixture = fixture();
    fixture.engines.push("abacus".to_owned());
    let error = fixture.engines().map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "there is no engine abacus in this build");
}

#[test]
fn a_smaller_fixture_has_only_what_the_difference_takes() {
    let fixture = fixture();
    let small = shrink(&fixture, &engines).unwrap().expect("they differ");
    let runs = small.run(engines()).unwrap();
    assert!(!topics(&runs).is_empty());
    assert_eq!(small.differs_in, topics(&runs));
    assert_eq!(&small.context().input[..], b"xy");
    let text = String::from_utf8_lossy(small.module()).into_owned();
    assert!(!text.contains("nothing to do with it") && !text.contains("neither has this"));
    assert!(small.module().len() < fixture.module().len());
    assert!(small.gas() < fixture.gas());
    let json = small.to_json().unwrap();
    assert!(!json.contains("YWE=") && !json.contains("eno="), "stored under other keys");
    // One unit of gas less, and there is nothing to see.
    let again = shrink(&small, &engines).unwrap().expect("they still differ");
    assert_eq!(again, small);
}

#[test]
fn a_view_has_its_own_bound_of_gas() {
    let mut fixture = fixture();
    let json = fixture.to_json().unwrap();
    let view = json.replace("\"mode\":\"Call\"", r#""mode":{"View":{"max_gas_burnt":800000}}"#);
    assert_ne!(view, json);
    fixture = Fixture::from_json(&view).unwrap();
    let small = shrink(&fixture, &engines).unwrap().expect("they differ");
    let Mode::View { max_gas_burnt } = small.context().mode else { panic!("a view") };
    assert!(max_gas_burnt < Gas::new(800_000));
    assert_eq!(small.gas(), fixture.gas());
}
