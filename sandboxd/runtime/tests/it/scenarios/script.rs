//! Contracts of a scenario: each method a list of host calls with their arguments.
//!
//! A number is itself; a string is its length and its place in memory; `{"u128": …}` and
//! `{"u64s": […]}` and `{"u64s_below": n}` are places in memory alone; `{"register": n}` is what a register holds;
//! `{"bytes": …}` is the bytes of a base64 text; `{"key": seed}` is a public key in borsh;
//! `{"result": n}` is what the n-th call of the method returned; `{"gas": formula}` is a number.
//! Besides host calls there are `["unreachable"]`, `["loop", rounds]`, `["return_number", number]`
//! and `["repeat", n, [call, …]]`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::fill::{self, Filler};

/// Host functions that return a number of 64 bits.
const RETURNING: &[&str] = &[
    "block_index",
    "epoch_height",
    "prepaid_gas",
    "used_gas",
    "promise_and",
    "promise_batch_action_state_init",
    "promise_batch_action_state_init_by_account_id",
    "promise_batch_create",
    "promise_batch_then",
    "promise_create",
    "promise_result",
    "promise_results_count",
    "promise_then",
    "promise_yield_create",
    "promise_yield_create_with_id",
    "storage_has_key",
    "storage_read",
    "storage_remove",
    "storage_usage",
    "storage_write",
    "universal_state_init_to_account_id",
];
/// And of 32 bits.
const RETURNING_32: &[&str] = &["promise_yield_resume", "promise_yield_resume_with_yield_id"];

#[derive(Default)]
struct Module {
    imports: BTreeMap<String, usize>,
    data: Vec<u8>,
    methods: String,
}

/// The module whose methods make these calls.
pub(super) fn wasm(
    methods: &BTreeMap<String, Vec<Vec<Value>>>,
    filler: &Filler<'_>,
) -> Result<Vec<u8>, String> {
    let mut module = Module::default();
    for (name, calls) in methods {
        module.method(name, calls, filler)?;
    }
    let text = module.finish();
    wat::parse_str(&text).map_err(|error| format!("{error}\n{text}"))
}

impl Module {
    fn method(
        &mut self,
        name: &str,
        calls: &[Vec<Value>],
        filler: &Filler<'_>,
    ) -> Result<(), String> {
        let mut body = String::new();
        let calls = expanded(calls)?;
        for (index, call) in calls.iter().enumerate() {
            let (function, arguments) = call.split_first().ok_or("an empty call")?;
            let function = function.as_str().ok_or("a call without a name")?;
            match function {
                "unreachable" => body.push_str("unreachable\n"),
                "loop" => {
                    let rounds = arguments.first().and_then(Value::as_u64).ok_or("no rounds")?;
                    burn(&mut body, rounds);
                }
                "return_number" => {
                    let value = self.argument(arguments.first().ok_or("no number")?, filler)?;
                    let place = self.place(&[0; 8]);
                    let _ = writeln!(
                        body,
                        "(i64.store (i32.const {place}) {})\n(call $value_return (i64.const 8) (i64.const {place}))",
                        value.join(" ")
                    );
                    self.imports.insert("value_return".into(), 2);
                }
                _ => self.call(&mut body, index, function, arguments, filler)?,
            }
        }
        let _ = write!(self.methods, "(func (export {name:?}) (local $rounds i64)");
        for index in 0..calls.len() {
            let _ = write!(self.methods, "(local $r{index} i64)");
        }
        let _ = writeln!(self.methods, "\n{body})");
        Ok(())
    }

    fn call(
        &mut self,
        body: &mut String,
        index: usize,
        function: &str,
        arguments: &[Value],
        filler: &Filler<'_>,
    ) -> Result<(), String> {
        let mut values = Vec::new();
        for argument in arguments {
            values.extend(self.argument(argument, filler)?);
        }
        self.imports.insert(function.to_owned(), values.len());
        let call = format!("(call ${function} {})", values.join(" "));
        let _ = if RETURNING.contains(&function) {
            writeln!(body, "(local.set $r{index} {call})")
        } else if RETURNING_32.contains(&function) {
            writeln!(body, "(local.set $r{index} (i64.extend_i32_u {call}))")
        } else {
            writeln!(body, "{call}")
        };
        Ok(())
    }

    fn argument(&mut self, argument: &Value, filler: &Filler<'_>) -> Result<Vec<String>, String> {
        let number = |value: u64| format!("(i64.const {})", value.cast_signed());
        if let Some(value) = argument.as_u64() {
            return Ok(vec![number(value)]);
        }
        if let Some(text) = argument.as_str() {
            return Ok(self.bytes(filler.text(text)?.as_bytes()));
        }
        let object = argument.as_object().filter(|object| object.len() == 1);
        let (kind, value) = object.and_then(|object| object.iter().next()).ok_or("no argument")?;
        let text = value.as_str().unwrap_or_default();
        Ok(match kind.as_str() {
            "u128" => {
                let value = filler.formula(text)?.to_le_bytes();
                vec![format!("(i64.const {})", self.place(&value))]
            }
            "u64s" => {
                let numbers = value.as_array().ok_or("no list")?.iter();
                let bytes: Vec<u8> =
                    numbers.filter_map(Value::as_u64).flat_map(u64::to_le_bytes).collect();
                vec![format!("(i64.const {})", self.place(&bytes))]
            }
            "u64s_below" => {
                let bytes: Vec<u8> =
                    (0..value.as_u64().ok_or("no number")?).flat_map(u64::to_le_bytes).collect();
                vec![format!("(i64.const {})", self.place(&bytes))]
            }
            "gas" => {
                let gas =
                    u64::try_from(filler.formula(text)?).map_err(|error| error.to_string())?;
                vec![number(gas)]
            }
            "bytes" => self.bytes(&fill::from_base64(&filler.text(text)?)?),
            "key" => {
                let key = filler.key(text)?.public_key();
                self.bytes(&borsh::to_vec(&key).map_err(|error| error.to_string())?)
            }
            "register" => vec![number(u64::MAX), number(value.as_u64().ok_or("no register")?)],
            "result" => vec![format!("(local.get $r{})", value.as_u64().ok_or("no call")?)],
            _ => return Err(format!("no argument {argument}")),
        })
    }

    fn bytes(&mut self, bytes: &[u8]) -> Vec<String> {
        let place = self.place(bytes);
        vec![format!("(i64.const {})", bytes.len()), format!("(i64.const {place})")]
    }

    fn place(&mut self, bytes: &[u8]) -> usize {
        let place = self.data.len();
        self.data.extend_from_slice(bytes);
        place
    }

    fn finish(self) -> String {
        let mut text = String::from("(module\n");
        for (name, params) in &self.imports {
            let params = "i64 ".repeat(*params);
            let result = if RETURNING.contains(&name.as_str()) {
                "(result i64)"
            } else if RETURNING_32.contains(&name.as_str()) {
                "(result i32)"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "(import \"env\" {name:?} (func ${name} (param {params}) {result}))"
            );
        }
        let pages = self.data.len().div_ceil(65_536).max(1);
        let _ = write!(text, "(memory {pages})\n(data (i32.const 0) \"");
        for byte in &self.data {
            let _ = write!(text, "\\{byte:02x}");
        }
        let _ = writeln!(text, "\")\n{})", self.methods);
        text
    }
}

/// The calls with each `["repeat", n, [call, …]]` written out.
fn expanded(calls: &[Vec<Value>]) -> Result<Vec<Vec<Value>>, String> {
    let mut all = Vec::new();
    for call in calls {
        let [repeat, times, repeated] = call.as_slice() else {
            all.push(call.clone());
            continue;
        };
        if repeat != "repeat" {
            all.push(call.clone());
            continue;
        }
        let repeated: Vec<Vec<Value>> =
            serde_json::from_value(repeated.clone()).map_err(|error| error.to_string())?;
        for _ in 0..times.as_u64().ok_or("repeat how often?")? {
            all.extend_from_slice(&repeated);
        }
    }
    Ok(all)
}

fn burn(body: &mut String, rounds: u64) {
    let _ = writeln!(
        body,
        "(local.set $rounds (i64.const {rounds}))
         (loop $again
           (local.set $rounds (i64.sub (local.get $rounds) (i64.const 1)))
           (br_if $again (i64.ne (local.get $rounds) (i64.const 0))))"
    );
}
