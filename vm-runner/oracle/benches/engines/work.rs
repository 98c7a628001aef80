//! What is run: two contracts, and kernels that only compute.

use anyhow::{Context, Result};
use fixtures::Case;
use oracle::Contract;

/// A call of a contract.
pub(crate) struct Work {
    /// As the tables name it.
    pub(crate) name: &'static str,
    wasm: Vec<u8>,
    pub(crate) contract: Contract,
    pub(crate) case: Case,
    /// A contract that does about the same on `CosmWasm`, if there is one.
    pub(crate) cosmwasm: Option<Vec<u8>>,
}

impl Work {
    fn new(name: &'static str, wasm: Vec<u8>, case: Case, cosmwasm: Option<Vec<u8>>) -> Self {
        Work { name, contract: Contract::new(&wasm), wasm, case, cosmwasm }
    }

    /// The same with another hash: a custom section holds `number`.
    pub(crate) fn distinct(&self, number: u8) -> Self {
        let wasm = [&self.wasm[..], &[0, 3, 1, b'n', number]].concat();
        Work::new(self.name, wasm, self.case, None)
    }

    /// What the process with `CosmWasm` calls it.
    pub(crate) fn key(&self) -> String {
        self.name.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    /// Bytes of the wasm that all sides compile.
    pub(crate) fn size(&self) -> usize {
        self.wasm.len()
    }
}

/// A contract without a standard library: reads, adds to and writes a counter.
pub(crate) fn small() -> Result<Work> {
    let cosmwasm = wat::parse_str(include_str!("small.wat"))?;
    fixture("`tiny.increment`", "tiny", "increment", Some(cosmwasm))
}

/// A contract of near-sdk, which decodes and encodes JSON and Borsh.
pub(crate) fn sdk() -> Result<Work> {
    fixture("`status.set_status`", "status", "set_status", None)
}

fn fixture(
    name: &'static str,
    module: &str,
    method: &str,
    cosmwasm: Option<Vec<u8>>,
) -> Result<Work> {
    let module = fixtures::module(module);
    let case = module.cases.iter().find(|case| case.method == method).context("a case")?;
    Ok(Work::new(name, module.code(), *case, cosmwasm))
}

macro_rules! kernel {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../gas-meter/peers/benches/metering/kernels/",
            $name,
            ".wat"
        ))
    };
}

/// The kernels that metering is measured with, each as a contract for all sides.
pub(crate) fn kernels() -> Result<Vec<Work>> {
    let kernels = [
        ("SHA-256 of 64 KB", kernel!("sha"), 1_000),
        ("a matrix", kernel!("matrix"), 20),
        ("recursive `fib`", kernel!("fib"), 22),
    ];
    let works = kernels.into_iter().map(|(name, kernel, amount)| {
        let wasm = wat::parse_str(contract(kernel, amount)?).context(name)?;
        let main = Case::call("main");
        Ok(Work::new(name, wasm.clone(), main, Some(wasm)))
    });
    works.collect()
}

/// The kernel with the exports that NEAR and `CosmWasm` ask for; what a region is, is in `small.wat`.
fn contract(kernel: &str, amount: u32) -> Result<String> {
    let kernel = kernel.trim_end().strip_suffix(')').context("a module's end")?;
    // Most do not name the function that they export.
    let named = kernel.replace(r#"(func (export "run")"#, r#"(func $run (export "run")"#);
    let kernel = named.replace("$fib", "$run");
    let memory = if kernel.contains("(memory ") { "" } else { "(memory 1)" };
    Ok(format!(
        r#"{kernel} {memory}
  (export "memory" (memory 0))
  (func (export "main") (drop (call $run (i32.const {amount}))))
  (func (export "interface_version_8"))
  (func (export "allocate") (param $size i32) (result i32)
    (i32.store (i32.const 32768) (i32.const 32780))
    (i32.store offset=4 (i32.const 32768) (local.get $size))
    (i32.store offset=8 (i32.const 32768) (i32.const 0))
    (i32.const 32768))
  (func (export "deallocate") (param i32))
  (func (export "execute") (param i32 i32 i32) (result i32)
    (drop (call $run (i32.const {amount})))
    (i32.const 32768)))"#
    ))
}
