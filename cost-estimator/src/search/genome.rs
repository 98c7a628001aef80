//! What modules are made of: a loop of instructions and host calls, with arguments.

use std::collections::BTreeSet;
use std::fmt;

use host_fns::abi::{AbiType, FeatureSet, Host, HostFn};
use vm_runner::near::ReplayHost;

use crate::rng::Rng;

/// The function that is called.
pub(super) const METHOD: &str = "run";

/// Instructions, by the names of what they are hard at. `$left` counts the loop down.
const INSTRUCTIONS: &[(&str, &str)] = &[
    ("add", "(local.set $a (i64.add (local.get $a) (local.get $b)))"),
    ("mul", "(local.set $a (i64.mul (local.get $a) (i64.const 6364136223846793005)))"),
    ("div", "(local.set $a (i64.div_u (local.get $b) (i64.or (local.get $a) (i64.const 1))))"),
    ("rem", "(local.set $a (i64.rem_s (local.get $b) (i64.or (local.get $a) (i64.const 1))))"),
    ("popcnt", "(local.set $a (i64.popcnt (i64.add (local.get $a) (local.get $b))))"),
    ("sqrt", "(local.set $x (f64.sqrt (f64.add (local.get $x) (f64.const 2.5))))"),
    ("fdiv", "(local.set $x (f64.div (local.get $x) (f64.const 1.0000001)))"),
    ("nearest", "(local.set $x (f64.nearest (f64.mul (local.get $x) (f64.const 1.5))))"),
    ("trunc", "(local.set $a (i64.trunc_sat_f64_u (local.get $x)))"),
    ("convert", "(local.set $x (f64.convert_i64_u (local.get $a)))"),
    ("load near", "(local.set $a (i64.load (i32.and (local.get $left) (i32.const 0xff8))))"),
    (
        "load far",
        "(local.set $a (i64.load (i32.and (i32.mul (local.get $left) (i32.const 0x9e3779b1)) (i32.const 0x3fffff8))))",
    ),
    (
        "store far",
        "(i64.store (i32.and (i32.mul (local.get $left) (i32.const 0x9e3779b1)) (i32.const 0x3fffff8)) (local.get $a))",
    ),
    ("fill", "(memory.fill (i32.const 4096) (i32.const 7) (i32.const 65536))"),
    ("copy", "(memory.copy (i32.const 4097) (i32.const 8192) (i32.const 65536))"),
    ("grow", "(drop (memory.grow (i32.const 1)))"),
    ("call", "(call $leaf)"),
    ("indirect call", "(call_indirect (type $leaf) (i32.and (local.get $left) (i32.const 1)))"),
    ("global", "(global.set $g (i64.add (global.get $g) (local.get $a)))"),
    (
        "branch",
        "(block $out (block $in (br_table $in $out (i32.and (local.get $left) (i32.const 1)))))",
    ),
];

/// How often an instruction stands in the loop, so that it is not lost beside the loop's own.
const REPEATED: usize = 32;
const LENGTHS: &[u64] =
    &[0, 1, 8, 20, 32, 33, 48, 64, 65, 96, 128, 160, 192, 384, 1_024, MOST_BYTES, u64::MAX];
/// More would take long to be counted where a price is wrong.
const MOST_BYTES: u64 = 16_384;
const POINTERS: &[u64] = &[0, 1, 64, 4_096, 1 << 20, 1 << 25];
const REGISTERS: &[u64] = &[0, 1, 2];
const NUMBERS: &[u64] = &[0, 1, 2, 3, 8, 1_000, 1 << 32, u64::MAX];
/// Pieces of a loop, at most.
const MOST_PIECES: usize = 5;

/// A piece of a loop.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// One of [`INSTRUCTIONS`].
    Instruction(usize),
    /// A host function by its place in the table, and what it is called with.
    Call(usize, Vec<u64>),
}

/// A loop: its pieces, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Genome(Vec<Piece>);

fn functions() -> &'static [HostFn<ReplayHost>] {
    ReplayHost::FUNCTIONS
}

/// A loop of each host function and each instruction alone, functions with little and with much to
/// do: what is priced wrong by itself is found at once.
pub(super) fn singles(features: FeatureSet, rng: &mut Rng) -> Vec<Genome> {
    let of = |function: usize, length: u64| {
        let parameters = functions()[function].decl.params;
        let arguments = parameters.iter().map(|(name, _)| match kind(name) {
            Kind::Length => length,
            Kind::Pointer => 0,
            Kind::Register | Kind::Number => 1,
        });
        Genome(vec![Piece::Call(function, arguments.collect())])
    };
    let functions = available(features);
    let mut singles: Vec<Genome> = functions.iter().map(|function| of(*function, 64)).collect();
    singles.extend((0..INSTRUCTIONS.len()).map(|at| Genome(vec![Piece::Instruction(at)])));
    singles.extend(functions.iter().map(|function| of(*function, MOST_BYTES)));
    singles.extend(functions.iter().map(|function| Genome(vec![call(*function, rng)])));
    singles
}

/// A loop that is a little different from one of `parents`, which are sorted, or a new one.
pub(super) fn child(parents: &[&Genome], features: FeatureSet, rng: &mut Rng) -> Genome {
    if parents.is_empty() || rng.index(8) == 0 {
        return Genome(vec![piece(features, rng)]);
    }
    // The worst is twice as often a parent as one in the middle.
    let at = rng.index(parents.len()).min(rng.index(parents.len()));
    let Genome(mut pieces) = parents[at].clone();
    let place = rng.index(pieces.len());
    match rng.index(5) {
        0 if pieces.len() > 1 => {
            pieces.remove(place);
        }
        1 if pieces.len() < MOST_PIECES => pieces.push(piece(features, rng)),
        2 if pieces.len() < MOST_PIECES => {
            let Genome(others) = parents[rng.index(parents.len())];
            pieces.push(others[rng.index(others.len())].clone());
        }
        _ => match &mut pieces[place] {
            Piece::Call(function, arguments) if !arguments.is_empty() => {
                let changed = rng.index(arguments.len());
                arguments[changed] = argument(functions()[*function].decl.params[changed].0, rng);
            }
            other => *other = piece(features, rng),
        },
    }
    Genome(pieces)
}

fn available(features: FeatureSet) -> Vec<usize> {
    let all = functions().iter().enumerate();
    all.filter(|(_, function)| function.decl.available(features)).map(|(at, _)| at).collect()
}

fn piece(features: FeatureSet, rng: &mut Rng) -> Piece {
    if rng.index(2) == 0 {
        return Piece::Instruction(rng.index(INSTRUCTIONS.len()));
    }
    call(rng.pick(&available(features)), rng)
}

fn call(function: usize, rng: &mut Rng) -> Piece {
    let parameters = functions()[function].decl.params;
    Piece::Call(function, parameters.iter().map(|(name, _)| argument(name, rng)).collect())
}

/// What a parameter is, by its name, as the table of host functions promises.
enum Kind {
    Length,
    Pointer,
    Register,
    Number,
}

fn kind(parameter: &str) -> Kind {
    match parameter {
        length if length.ends_with("len") => Kind::Length,
        pointer if pointer.ends_with("ptr") => Kind::Pointer,
        register if register.ends_with("register_id") => Kind::Register,
        _ => Kind::Number,
    }
}

fn argument(parameter: &str, rng: &mut Rng) -> u64 {
    rng.pick(match kind(parameter) {
        Kind::Length => LENGTHS,
        Kind::Pointer => POINTERS,
        Kind::Register => REGISTERS,
        Kind::Number => NUMBERS,
    })
}

impl Genome {
    /// What it consists of, whatever the arguments and the order.
    pub(super) fn kind(&self) -> BTreeSet<&'static str> {
        self.0.iter().map(Piece::name).collect()
    }

    /// The module in which the loop goes round `rounds` times.
    pub(super) fn module(&self, rounds: u64) -> anyhow::Result<Vec<u8>> {
        let called: BTreeSet<usize> = self
            .0
            .iter()
            .filter_map(|piece| match piece {
                Piece::Call(function, _) => Some(*function),
                Piece::Instruction(_) => None,
            })
            .collect();
        let imports: String = called.into_iter().map(import).collect();
        let pieces: String = self.0.iter().map(Piece::text).collect();
        Ok(wat::parse_str(format!(
            r#"(module (type $leaf (func)) {imports} (memory 1) (table 2 funcref)
              (global $g (mut i64) (i64.const 0)) (data (i32.const 0) "bob.near")
              (elem (i32.const 0) $leaf $leaf) (func $leaf)
              (func (export "{METHOD}") (local $left i32) (local $a i64) (local $b i64) (local $x f64)
                (local.set $left (i32.const {rounds}))
                (local.set $b (i64.const 0x9e3779b97f4a7c15))
                (loop $again {pieces}
                  (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#
        ))?)
    }
}

fn word(of: AbiType) -> &'static str {
    match of {
        AbiType::U32 => "i32",
        AbiType::U64 => "i64",
    }
}

fn import(function: usize) -> String {
    let decl = &functions()[function].decl;
    let parameters: Vec<&str> = decl.params.iter().map(|(_, of)| word(*of)).collect();
    let parameters = parameters.join(" ");
    let result = decl.result.map(|of| format!("(result {})", word(of))).unwrap_or_default();
    let (module, name) = (decl.module, decl.name);
    format!("(import \"{module}\" \"{name}\" (func ${name} (param {parameters}) {result}))")
}

impl Piece {
    fn name(&self) -> &'static str {
        match self {
            Piece::Instruction(at) => INSTRUCTIONS[*at].0,
            Piece::Call(function, _) => functions()[*function].decl.name,
        }
    }

    fn text(&self) -> String {
        let (function, arguments) = match self {
            Piece::Instruction(at) => return INSTRUCTIONS[*at].1.repeat(REPEATED),
            Piece::Call(function, arguments) => (&functions()[*function].decl, arguments),
        };
        let arguments: String = function
            .params
            .iter()
            .zip(arguments)
            .map(|((_, of), argument)| match of {
                AbiType::U32 => format!("(i32.const {})", argument & u64::from(u32::MAX)),
                AbiType::U64 => format!("(i64.const {argument})"),
            })
            .collect();
        let call = format!("(call ${} {arguments})", function.name);
        if function.result.is_some() { format!("(drop {call})") } else { call }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let Piece::Call(_, arguments) = self else { return Ok(()) };
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match *argument {
                u64::MAX => "max".to_owned(),
                argument => argument.to_string(),
            })
            .collect();
        write!(f, "({})", arguments.join(", "))
    }
}

impl fmt::Display for Genome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<String> = self.0.iter().map(Piece::to_string).collect();
        f.write_str(&pieces.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use host_fns::abi::FeatureSet;
    use sandbox_runtime::RuntimeConfig;
    use sandbox_runtime::near::PROTOCOL_VERSION;

    use super::{available, child, singles};
    use crate::rng::Rng;

    fn features() -> FeatureSet {
        RuntimeConfig::new(PROTOCOL_VERSION).expect("supported").vm().host_features
    }

    #[test]
    fn every_function_and_instruction_is_tried_and_every_module_can_be_prepared() {
        let near = RuntimeConfig::new(PROTOCOL_VERSION).expect("supported");
        let mut rng = Rng::new(7);
        let mut all = singles(features(), &mut rng);
        let names: std::collections::BTreeSet<&str> =
            all.iter().flat_map(super::Genome::kind).collect();
        assert_eq!(names.len(), available(features()).len() + super::INSTRUCTIONS.len());
        for _ in 0..200 {
            let parents: Vec<&super::Genome> = all.iter().rev().take(10).collect();
            let next = child(&parents, features(), &mut rng);
            all.push(next);
        }
        for genome in all {
            let wasm = genome.module(9).expect("text that can be read");
            let form = gas_meter::instrument::Form::Merged;
            vm_runner::prepare(&wasm, near.vm(), form).unwrap_or_else(|error| {
                panic!("{genome}: {error}");
            });
        }
    }
}
