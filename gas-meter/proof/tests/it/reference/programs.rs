//! Programs written at random: loops that end, branches that are taken, calls that trap far from
//! where they were called. Generated modules rarely get that far.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fixtures::Rng;

use super::host::IMPORTS;
use super::random::{asked_modules, limits};
use super::{Ends, Pair};
use crate::rules::OP;

/// How many programs are tried; `METERING_MODULES` asks for more.
const PROGRAMS: u64 = 400;

/// Gas for as much as a program may do.
const GAS: u64 = 20_000 * OP;

/// Functions of a program, beside the entry.
const FUNCTIONS: u64 = 4;

/// Variables of a function that hold values; as many again count loops.
const VARIABLES: u64 = 3;

#[test]
fn programs_written_at_random() {
    compare(&Pair::new(262_144), 0);
}

#[test]
fn programs_with_little_stack() {
    compare(&Pair::new(1_000), 1 << 32);
}

fn compare(pair: &Pair, first: u64) {
    let programs = asked_modules().unwrap_or(PROGRAMS);
    let mut ends = Ends::default();
    for seed in first..first + programs {
        let mut random = Rng::new(seed);
        let text = Program::write(&mut random);
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let result = catch_unwind(AssertUnwindSafe(|| {
            let loaded = pair.load(&wasm).expect("it is within limits");
            let whole = loaded.agree("main", GAS);
            ends.add(&whole.end);
            for gas in limits(&mut random, whole.burnt) {
                ends.add(&loaded.agree("main", gas).end);
            }
        }));
        assert!(result.is_ok(), "seed {seed}:\n{text}");
    }
    let seen = ends.returned.min(ends.trapped).min(ends.out_of_gas);
    assert!(seen > programs / 20, "{ends:?}");
}

/// Writes one program.
struct Program<'a> {
    random: &'a mut Rng,
    /// The function that is being written; the entry is 0.
    function: u64,
    /// Loops around this place.
    loops: u64,
    /// Labels around this place.
    labels: u64,
}

impl<'a> Program<'a> {
    fn write(random: &'a mut Rng) -> String {
        let mut program = Program { random, function: 0, loops: 0, labels: 0 };
        let functions: String =
            (0..=FUNCTIONS).map(|function| program.function(function)).collect();
        format!(
            r#"(module {IMPORTS} (memory 1) (global $g (mut i32) (i32.const 7))
            (type $f (func (param i32) (result i32))) (table 8 funcref)
            (elem (i32.const 0) $f1 $f2 $f3 $f4 $odd) (func $odd)
            (data (i32.const 0) "\01\02\00\03\ff\00\00\80")
            {functions})"#
        )
    }

    fn function(&mut self, function: u64) -> String {
        self.function = function;
        let locals = "i32 ".repeat(usize::try_from(2 * VARIABLES).expect("it is small"));
        let body = self.statements(3, 6);
        if function == 0 {
            return format!("(func (export \"main\") (local {locals}) {body})\n");
        }
        let result = self.value(2);
        format!("(func $f{function} (param i32) (result i32) (local {locals}) {body} {result})\n")
    }

    fn statements(&mut self, depth: u64, most: u64) -> String {
        (0..=self.random.below(most)).map(|_| self.statement(depth) + " ").collect()
    }

    /// Whether this function calls nothing of the host, nor what may do so: inside of it nobody can
    /// see what has been charged.
    fn is_quiet(&self) -> bool {
        self.function > FUNCTIONS / 2
    }

    fn statement(&mut self, depth: u64) -> String {
        let choices = if depth == 0 { 13 } else { 20 };
        match self.random.below(choices) {
            0 | 1 => format!("(local.set {} {})", self.variable(), self.value(depth)),
            2 => format!("(global.set $g {})", self.value(depth)),
            3 | 7 if self.is_quiet() => format!("(global.set $g {})", self.value(depth)),
            3 => format!("(call $note (i64.extend_i32_u {}))", self.value(depth)),
            4 => format!(
                "(i32.store8 (i32.and (i32.const 4095) {}) (i32.const 3))",
                self.value(depth)
            ),
            5 | 6 => format!("(drop {})", self.value(depth)),
            7 => "(call $note (call $burnt))".to_owned(),
            8 => self.bulk(),
            9 => self.ending(),
            10 | 11 => self.branch(),
            12 => self.plain_loop(2),
            13 => self.when(depth - 1),
            14 => format!("{} {}", self.when(depth - 1), self.when(depth - 1)),
            15..18 if self.loops < VARIABLES => self.counted(depth - 1),
            18 => self.block(depth - 1),
            _ => self.table(depth - 1),
        }
    }

    fn when(&mut self, depth: u64) -> String {
        let condition = self.value(depth);
        let then = self.nested(depth);
        match self.random.below(2) {
            0 => format!("(if {condition} (then {then}))"),
            _ => format!("(if {condition} (then {then}) (else {}))", self.nested(depth)),
        }
    }

    /// A loop that goes round a few times, unless a branch begins it anew.
    fn counted(&mut self, depth: u64) -> String {
        let counter = self.first_local() + VARIABLES + self.loops;
        let rounds = 1 + self.random.below(6);
        self.loops += 1;
        let body = self.nested(depth);
        self.loops -= 1;
        format!(
            "(local.set {counter} (i32.const 0))
            (loop {body}
                (local.set {counter} (i32.add (local.get {counter}) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get {counter}) (i32.const {rounds}))))"
        )
    }

    /// A loop with nothing in it that leaves it but traps, as compilers write them for arrays: from
    /// the variable to the bound by steps that may or may not meet it.
    fn plain_loop(&mut self, depth: u64) -> String {
        let (counter, other) = (self.variable(), self.variable());
        let steps = [1, 1, 1, 2, 4, 3, -1, -1, -4, -8, i64::from(i32::MIN)];
        let step = steps[self.random.index(steps.len())];
        let start = step * i64::try_from(self.random.below(12)).expect("it is small");
        let start = i32::try_from(-start).unwrap_or_default() + self.bit() * self.bit();
        let body = self.plain_statements(depth);
        let next =
            format!("(local.tee {counter} (i32.add (local.get {counter}) (i32.const {step})))");
        let again = match self.random.below(5) {
            0 | 1 => next,
            2 => format!("(i32.ne {next} (i32.const {}))", self.bit()),
            3 => format!("(i32.ne {next} (local.get {other}))"),
            _ => format!("(i32.ne (local.get {other}) {next})"),
        };
        format!(
            "(local.set {other} (i32.const 0)) (local.set {counter} (i32.const {start}))
            (loop {body} (br_if 0 {again}))"
        )
    }

    fn bit(&mut self) -> i32 {
        i32::from(self.random.below(2) > 0)
    }

    /// Statements without branches and calls.
    fn plain_statements(&mut self, depth: u64) -> String {
        let statements = (0..=self.random.below(3)).map(|_| match self.random.below(9) {
            0 if depth > 0 => self.plain_loop(depth - 1),
            1 => format!("(i32.store8 (local.get {}) (i32.const 3))", self.variable()),
            2 => format!("(drop (i32.div_s (i32.const 9) (local.get {})))", self.variable()),
            3 => self.bulk(),
            4 => format!("(local.set {} {})", self.variable(), self.value(0)),
            5 => format!("(block (drop (i32.clz {})))", self.value(0)),
            _ => format!("(global.set $g (i32.add (global.get $g) {}))", self.value(0)),
        });
        statements.collect()
    }

    fn block(&mut self, depth: u64) -> String {
        format!("(block {})", self.nested(depth))
    }

    /// Several ways to go on.
    fn table(&mut self, depth: u64) -> String {
        let selector = self.value(depth);
        let (first, second) = (self.nested(depth), self.nested(depth));
        format!(
            "(block (block (block (br_table 0 1 2 (i32.and (i32.const 3) {selector}))) {first}) {second})"
        )
    }

    fn nested(&mut self, depth: u64) -> String {
        self.labels += 1;
        let statements = self.statements(depth, 3);
        self.labels -= 1;
        statements
    }

    /// A branch out of, or to the head of, what is around; rarely taken, or it would all end here.
    fn branch(&mut self) -> String {
        let condition = format!("(i32.eqz (i32.and (i32.const 3) {}))", self.value(0));
        match self.random.below(self.labels + 1) {
            0 if self.function == 0 => format!("(if {condition} (then return))"),
            0 => format!("(if {condition} (then (return {})))", self.value(1)),
            label => format!("(br_if {} {condition})", label - 1),
        }
    }

    /// What ends the execution, if its condition holds.
    fn ending(&mut self) -> String {
        let ending = match self.random.below(5) {
            0 => "unreachable",
            1 => "(drop (i32.load (i32.const -1)))",
            2 | 3 if self.is_quiet() => "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
            2 => "(call $refuse (i32.const 4))",
            3 => "(call_indirect (i32.const 4))",
            _ => "(memory.fill (i32.const -2) (i32.const 0) (i32.const 9))",
        };
        let condition = format!("(i32.eqz (i32.and (i32.const 31) {}))", self.value(0));
        format!("nop (if {condition} (then nop {ending} nop))")
    }

    fn bulk(&mut self) -> String {
        let units = format!("(i32.and (i32.const 31) {})", self.value(0));
        match self.random.below(4) {
            0 => format!("(memory.fill (i32.const 64) (i32.const 1) {units})"),
            1 => format!("(memory.copy (i32.const 128) (i32.const 0) {units})"),
            2 => {
                format!("(table.copy (i32.const 5) (i32.const 5) (i32.and (i32.const 3) {units}))")
            }
            _ => format!("(drop (memory.grow (i32.and (i32.const 1) {units})))"),
        }
    }

    fn value(&mut self, depth: u64) -> String {
        let choices = if depth == 0 { 5 } else { 14 };
        match self.random.below(choices) {
            0 => format!("(i32.const {})", self.random.below(40)),
            1 | 2 => format!("(local.get {})", self.variable()),
            3 => "(global.get $g)".to_owned(),
            4 => format!("(i32.load8_u (local.get {}))", self.variable()),
            5 | 6 => {
                let operators = ["add", "sub", "mul", "xor", "and", "lt_u", "eq", "rotl"];
                let at = self.random.index(operators.len());
                format!(
                    "(i32.{} {} {})",
                    operators[at],
                    self.value(depth - 1),
                    self.value(depth - 1)
                )
            }
            7 => format!("(i32.eqz {})", self.value(depth - 1)),
            8 => {
                let (dividend, divisor) = (self.value(depth - 1), self.value(depth - 1));
                format!("(i32.rem_u {dividend} (i32.and (i32.const 15) {divisor}))")
            }
            9 => {
                let (a, b, c) =
                    (self.value(depth - 1), self.value(depth - 1), self.value(depth - 1));
                format!("(select {a} {b} {c})")
            }
            10 => {
                let (a, b, c) =
                    (self.value(depth - 1), self.value(depth - 1), self.value(depth - 1));
                format!("(if (result i32) {a} (then {b}) (else nop {c}))")
            }
            11 => {
                let (a, b) = (self.value(depth - 1), self.value(depth - 1));
                format!("(block (result i32) (drop (br_if 0 {a} (global.get $g))) nop {b})")
            }
            12 if !self.is_quiet() => {
                let index = format!("(i32.and (i32.const 7) {})", self.value(0));
                format!("(call_indirect (type $f) {} {index})", self.value(depth - 1))
            }
            _ => self.call(depth),
        }
    }

    /// A call of a later function, and now and then of any.
    fn call(&mut self, depth: u64) -> String {
        let later = FUNCTIONS - self.function;
        let callee = match self.random.below(8) {
            0 if self.is_quiet() => FUNCTIONS / 2 + 1 + self.random.below(FUNCTIONS / 2),
            0 => 1 + self.random.below(FUNCTIONS),
            _ if later == 0 => return self.value(depth - 1),
            _ => self.function + 1 + self.random.below(later),
        };
        format!("(call $f{callee} {})", self.value(depth - 1))
    }

    fn variable(&mut self) -> u64 {
        self.first_local() + self.random.below(VARIABLES)
    }

    /// The entry has no parameter.
    fn first_local(&self) -> u64 {
        u64::from(self.function > 0)
    }
}
