//! A contract that imports every host function and makes the calls that its input lists: a case
//! costs a run of it, not a module of its own.

use std::fmt::Write;

use host_fns::abi::{AbiType, HostFnDecl};

use super::memory;

/// Calls of host functions, in their order, with what is in memory at the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) calls: Vec<HostCall>,
    /// Words to be written to memory first: address and value.
    pub(crate) pokes: Vec<(u64, u64)>,
}

/// A call of a host function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HostCall {
    /// Its place in the list of functions.
    pub(crate) function: usize,
    pub(crate) name: &'static str,
    pub(crate) args: Vec<u64>,
    /// How often it is made.
    pub(crate) times: u64,
}

/// What the contract does in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing, so that what was returned before stays.
    Silent,
    /// It returns all that calls may have changed: results, registers, memory.
    Report,
}

/// More than a function has parameters.
const ARGUMENTS: usize = 12;
/// Bytes of a call in the script: function, times, arguments.
const STEP_BYTES: usize = 8 * (2 + ARGUMENTS);

/// The register that the script comes through: none that a case would use.
const SCRIPT_REGISTER: u64 = 0x5c71;
/// Registers that are reported.
pub(crate) const REGISTERS: [u64; 6] = [0, 1, 2, 3, 200, u64::MAX];

/// Where in memory the script is, and the report, far beyond the operands.
const SCRIPT: u64 = 1 << 20;
const REPORT: u64 = 16 << 20;
/// No returned value is longer, at any limits.
const MAX_REPORT: u64 = 65_536;

/// Bytes at the end of memory that are reported.
const TAIL: u64 = 256;
/// Bytes of memory that a contract has on NEAR, whatever it says.
pub(crate) const MEMORY_BYTES: u64 = 1_024 * 65_536;

impl Script {
    /// The contract's input.
    pub(crate) fn input(&self, ending: Ending) -> Vec<u8> {
        let mut words = vec![u64::from(ending == Ending::Report), self.pokes.len() as u64];
        words.extend(self.pokes.iter().flat_map(|(at, word)| [*at, *word]));
        words.push(self.calls.len() as u64);
        for call in &self.calls {
            let mut args = [0; ARGUMENTS];
            args[..call.args.len()].copy_from_slice(&call.args);
            words.extend([call.function as u64, call.times]);
            words.extend(args);
        }
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }
}

/// The contract, with a method `main`.
pub(crate) fn contract(functions: &[&HostFnDecl]) -> Vec<u8> {
    let mut imports = String::new();
    let mut wrappers = String::new();
    let mut names = String::new();
    for decl in functions {
        let HostFnDecl { module, name, params, result, .. } = decl;
        let types: Vec<_> = params.iter().map(|(_, ty)| wasm_type(*ty)).collect();
        let returned = result.map_or(String::new(), |ty| format!("(result {})", wasm_type(ty)));
        let types = types.join(" ");
        writeln!(
            imports,
            r#"(import "{module}" "{name}" (func ${name} (param {types}) {returned}))"#
        )
        .unwrap();
        let args = params.iter().enumerate().map(|(at, (_, ty))| {
            // An argument of 32 bits is the lower half of its word.
            format!("({}.load offset={} (local.get $at))", wasm_type(*ty), 16 + at * 8)
        });
        let call = format!("(call ${name} {})", args.collect::<Vec<_>>().join(" "));
        let value = match result {
            None => format!("{call} (i64.const 0)"),
            Some(AbiType::U32) => format!("(i64.extend_i32_u {call})"),
            Some(AbiType::U64) => call,
        };
        writeln!(wrappers, "(func $call_{name} (param $at i32) (result i64) {value})").unwrap();
        write!(names, " $call_{name}").unwrap();
    }
    let count = functions.len();
    let mut memory = String::new();
    for byte in super::memory::image() {
        write!(memory, "\\{byte:02x}").unwrap();
    }
    let text = format!(
        r#"(module
            {imports}
            (memory 1)
            (data (i32.const 0) "{memory}")
            (table {count} funcref)
            (elem (i32.const 0) func {names})
            (type $wrapper (func (param i32) (result i64)))
            {wrappers}
            {main}
            {report})"#,
        main = main(),
        report = report(),
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn wasm_type(ty: AbiType) -> &'static str {
    match ty {
        AbiType::U32 => "i32",
        AbiType::U64 => "i64",
    }
}

/// Reads the script and makes its calls; the result of each goes to the report.
fn main() -> String {
    let poked = SCRIPT + 8;
    format!(
        r#"(func (export "main")
            (local $at i32) (local $count i64) (local $times i64) (local $result i64)
            (local $to i32)
            (call $input (i64.const {SCRIPT_REGISTER}))
            (call $read_register (i64.const {SCRIPT_REGISTER}) (i64.const {SCRIPT}))
            (local.set $at (i32.const {poked}))
            (local.set $count (i64.load (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (block $poked
                (loop $poke
                    (br_if $poked (i64.eqz (local.get $count)))
                    (i64.store (i32.wrap_i64 (i64.load (local.get $at)))
                        (i64.load offset=8 (local.get $at)))
                    (local.set $at (i32.add (local.get $at) (i32.const 16)))
                    (local.set $count (i64.sub (local.get $count) (i64.const 1)))
                    (br $poke)))
            (local.set $count (i64.load (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (local.set $to (i32.const {REPORT}))
            (block $called
                (loop $call
                    (br_if $called (i64.eqz (local.get $count)))
                    (local.set $times (i64.load offset=8 (local.get $at)))
                    (block $repeated
                        (loop $repeat
                            (br_if $repeated (i64.eqz (local.get $times)))
                            (local.set $result (call_indirect (type $wrapper)
                                (local.get $at) (i32.wrap_i64 (i64.load (local.get $at)))))
                            (local.set $times (i64.sub (local.get $times) (i64.const 1)))
                            (br $repeat)))
                    (i64.store (local.get $to) (local.get $result))
                    (local.set $to (i32.add (local.get $to) (i32.const 8)))
                    (local.set $at (i32.add (local.get $at) (i32.const {STEP_BYTES})))
                    (local.set $count (i64.sub (local.get $count) (i64.const 1)))
                    (br $call)))
            (if (i64.ne (i64.load (i32.const {SCRIPT})) (i64.const 0))
                (then (call $report (local.get $to)))))"#
    )
}

/// Returns what calls may have changed.
fn report() -> String {
    let registers: Vec<_> = REGISTERS
        .iter()
        .map(|id| {
            format!(
                "(local.set $len (call $register_len (i64.const {id})))
                (i64.store (local.get $to) (local.get $len))
                (local.set $to (i32.add (local.get $to) (i32.const 8)))
                (if (i64.ne (local.get $len) (i64.const -1))
                    (then
                        (call $read_register (i64.const {id})
                            (i64.extend_i32_u (local.get $to)))
                        (local.set $to
                            (i32.add (local.get $to) (i32.wrap_i64 (local.get $len))))))"
            )
        })
        .collect();
    let registers = registers.join("\n");
    let image = memory::IMAGE_BYTES;
    let tail = MEMORY_BYTES - TAIL;
    format!(
        "(func $report (param $to i32) (local $len i64)
            (memory.copy (local.get $to) (i32.const 0) (i32.const {image}))
            (local.set $to (i32.add (local.get $to) (i32.const {image})))
            (memory.copy (local.get $to) (i32.const {tail}) (i32.const {TAIL}))
            (local.set $to (i32.add (local.get $to) (i32.const {TAIL})))
            {registers}
            (local.set $len
                (i64.extend_i32_u (i32.sub (local.get $to) (i32.const {REPORT}))))
            (call $value_return
                (select (local.get $len) (i64.const {MAX_REPORT})
                    (i64.lt_u (local.get $len) (i64.const {MAX_REPORT})))
                (i64.const {REPORT})))"
    )
}
