//! Every operator that a contract may use, executed alone: each costs the same on both sides, and
//! would not go unnoticed if it did not.

use std::collections::BTreeSet;

use fixtures::{Case, TGAS};
use gas_meter::instrument::wasmparser::{self, Parser, Payload};
use gas_meter::instrument::{
    Class, ClassSchedule, FlatSchedule, FrameSizes, InvalidSchedule, Operator, Price, Prices,
    Schedule,
};
use oracle::{Contract, Oracle, OurRunner, Outcome};

/// The proposals that NEAR accepts at this protocol version.
const PROPOSALS: [&str; 5] =
    ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "reference_types"];

macro_rules! operators {
    ($( @$proposal:ident $operator:ident $({ $($argument:ident: $ty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        /// All operators that the parser knows, with the proposal that brought them.
        const OPERATORS: &[(&str, &str)] =
            &[$((stringify!($proposal), stringify!($operator))),*];
    };
}
wasmparser::for_each_visit_operator!(operators);

/// What stands around the operator.
const BEFORE: &str = r#"
    (type $none (func)) (type $one (func (param i32)))
    (memory 1) (table $t 4 20 funcref) (elem (i32.const 0) $f $f) (elem $p func $f $g)
    (data (i32.const 0) "0123456789abcdef") (data $d "hello") (global $g (mut i64) (i64.const 5))
    (func $f) (func $g (result i64) (i64.const 1))
    (func (export "main")
        (local $i32 i32) (local $i64 i64) (local $f32 f32) (local $f64 f64) (local $ref funcref)
        (local.set $i32 (i32.const 3)) (local.set $i64 (i64.const 3))
        (local.set $f32 (f32.const 3.5)) (local.set $f64 (f64.const 3.5))"#;

/// Code that is not one of the many alike.
const OTHERS: [&str; 42] = [
    "nop",
    "unreachable",
    "block end",
    "(block (br 0))",
    "(block (br_if 0 (local.get $i32)))",
    "(block (block (br_table 0 1 0 (local.get $i32))))",
    "loop end",
    "(loop $again (br_if $again (local.tee $i32 (i32.sub (local.get $i32) (i32.const 1)))))",
    "(if (local.get $i32) (then nop))",
    "(if (local.get $i32) (then nop) (else nop nop))",
    "(if (i32.eqz (local.get $i32)) (then nop) (else nop nop))",
    "return",
    "(call $f)",
    "(drop (call $g))",
    "(call_indirect (type $none) (i32.const 1))",
    "(call_indirect (type $one) (local.get $i32) (i32.const 1))",
    "(drop (local.get $i32))",
    "(local.set $i32 (i32.const 1))",
    "(drop (local.tee $i32 (i32.const 1)))",
    "(drop (global.get $g))",
    "(global.set $g (i64.const 1))",
    "(drop (select (local.get $i64) (i64.const 1) (local.get $i32)))",
    "(drop (select (result f64) (local.get $f64) (f64.const 1) (local.get $i32)))",
    "(drop (memory.size))",
    "(drop (memory.grow (local.get $i32)))",
    "(memory.fill (local.get $i32) (local.get $i32) (local.get $i32))",
    "(memory.copy (local.get $i32) (local.get $i32) (local.get $i32))",
    "(memory.init $d (local.get $i32) (i32.const 1) (local.get $i32))",
    "(data.drop $d)",
    "(drop (table.size $t))",
    "(drop (table.grow $t (ref.null func) (local.get $i32)))",
    "(table.fill $t (i32.const 1) (ref.null func) (local.get $i32))",
    "(table.copy (i32.const 1) (i32.const 0) (local.get $i32))",
    "(table.init $t $p (i32.const 1) (i32.const 0) (i32.const 2))",
    "(elem.drop $p)",
    "(drop (table.get $t (local.get $i32)))",
    "(table.set $t (local.get $i32) (ref.func $f))",
    "(drop (ref.null func))",
    "(drop (ref.func $f))",
    "(drop (ref.is_null (ref.func $f)))",
    "(drop (i32.const 1)) (drop (i64.const 1))",
    "(drop (f32.const 1)) (drop (f64.const 1))",
];

const INTEGER: [&str; 25] = [
    "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s",
    "shr_u", "rotl", "rotr", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s",
    "ge_u",
];
const INTEGER_UNARY: [&str; 6] = ["clz", "ctz", "popcnt", "eqz", "extend8_s", "extend16_s"];
const FLOAT: [&str; 13] =
    ["add", "sub", "mul", "div", "min", "max", "copysign", "eq", "ne", "lt", "gt", "le", "ge"];
const FLOAT_UNARY: [&str; 7] = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"];
const CONVERSIONS: [&str; 18] = [
    "i32.wrap_i64",
    "i64.extend_i32_s",
    "i64.extend_i32_u",
    "i64.extend32_s_i64",
    "f32.convert_i32_s",
    "f32.convert_i32_u",
    "f32.convert_i64_s",
    "f32.convert_i64_u",
    "f64.convert_i32_s",
    "f64.convert_i32_u",
    "f64.convert_i64_s",
    "f64.convert_i64_u",
    "f32.demote_f64",
    "f64.promote_f32",
    "i32.reinterpret_f32",
    "i64.reinterpret_f64",
    "f32.reinterpret_i32",
    "f64.reinterpret_i64",
];
const LOADS: [(&str, &[&str]); 4] = [
    ("i32", &["", "8_s", "8_u", "16_s", "16_u"]),
    ("i64", &["", "8_s", "8_u", "16_s", "16_u", "32_s", "32_u"]),
    ("f32", &[""]),
    ("f64", &[""]),
];
const STORES: [(&str, &[&str]); 4] =
    [("i32", &["", "8", "16"]), ("i64", &["", "8", "16", "32"]), ("f32", &[""]), ("f64", &[""])];

/// Code for each operator, most of it for one alone.
fn bodies() -> Vec<String> {
    let mut bodies: Vec<String> = OTHERS.iter().map(|&other| other.to_owned()).collect();
    let mut drop_of = |operator: String, types: &[&str]| {
        let operands: Vec<_> = types.iter().map(|ty| format!("(local.get ${ty})")).collect();
        bodies.push(format!("(drop ({operator} {}))", operands.join(" ")));
    };
    for ty in ["i32", "i64"] {
        for name in INTEGER {
            drop_of(format!("{ty}.{name}"), &[ty, ty]);
        }
        for name in INTEGER_UNARY {
            drop_of(format!("{ty}.{name}"), &[ty]);
        }
        for float in ["f32", "f64"] {
            for name in ["trunc", "trunc_sat"] {
                drop_of(format!("{ty}.{name}_{float}_s"), &[float]);
                drop_of(format!("{ty}.{name}_{float}_u"), &[float]);
            }
        }
    }
    for ty in ["f32", "f64"] {
        for name in FLOAT {
            drop_of(format!("{ty}.{name}"), &[ty, ty]);
        }
        for name in FLOAT_UNARY {
            drop_of(format!("{ty}.{name}"), &[ty]);
        }
    }
    for name in CONVERSIONS {
        let from = ["i32", "i64", "f32", "f64"].into_iter().find(|ty| name[4..].contains(ty));
        let operator = name.strip_suffix("_i64").filter(|name| name.ends_with("32_s"));
        drop_of(operator.unwrap_or(name).to_owned(), &[from.expect("a type")]);
    }
    for (ty, names) in LOADS {
        for name in names {
            drop_of(format!("{ty}.load{name}"), &["i32"]);
        }
    }
    for (ty, names) in STORES {
        let store = |name: &&str| format!("({ty}.store{name} (local.get $i32) (local.get ${ty}))");
        bodies.extend(names.iter().map(store));
    }
    bodies
}

fn module(body: &str) -> Vec<u8> {
    let text = format!("(module {BEFORE} {body}))");
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{body}: {error}"))
}

/// The operators in a module.
fn operators(wasm: &[u8]) -> BTreeSet<String> {
    let mut operators = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.expect("valid") {
            for operator in body.get_operators_reader().expect("valid") {
                let name = format!("{:?}", operator.expect("valid"));
                let end = name.find(|c: char| !c.is_alphanumeric()).unwrap_or(name.len());
                operators.insert(name[..end].to_owned());
            }
        }
    }
    operators
}

#[test]
fn each_operator_costs_the_same() {
    let oracle = Oracle::new();
    let mut executed = BTreeSet::new();
    for body in bodies() {
        let wasm = module(&body);
        executed.append(&mut operators(&wasm));
        let contract = Contract::new(&wasm);
        let nears = oracle.nears_of(&contract, &case()).expect("nearcore runs");
        let ours = oracle.ours_of(&contract, &case()).expect("ours runs");
        assert_eq!(ours, nears, "ours (left) and nearcore's (right) of {body}");
    }
    let expected: BTreeSet<String> = OPERATORS
        .iter()
        .filter(|(proposal, _)| PROPOSALS.contains(proposal))
        .map(|(_, operator)| (*operator).to_owned())
        .collect();
    assert_eq!(executed, expected, "those executed (left) and those that there are (right)");
}

/// NEAR's prices.
fn near(oracle: &Oracle) -> FlatSchedule {
    let near = &oracle.near_config().wasm_config;
    FlatSchedule {
        regular_op: near.regular_op_cost,
        linear_base: near.linear_op_base_cost,
        linear_unit: near.linear_op_unit_cost,
        frame: FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 },
    }
}

/// A few contracts that together execute every operator, and what nearcore makes of them.
fn everything(oracle: &Oracle) -> Vec<(Contract, Outcome)> {
    let bodies = bodies();
    let is_end = |body: &&String| ["unreachable", "return"].contains(&body.as_str());
    let (ends, others): (Vec<_>, Vec<_>) = bodies.iter().partition(is_end);
    let others: Vec<_> = others
        .iter()
        .filter(|body| !body.contains("$one"))
        // Each starts from the same locals and tables as if it were alone.
        .map(|body| format!("(block {RESET} {body})"))
        .collect();
    let all = ends.into_iter().cloned().chain([others.join("\n")]);
    all.map(|body| {
        let contract = Contract::new(&module(&body));
        let nears = oracle.nears_of(&contract, &case()).expect("nearcore runs");
        (contract, nears)
    })
    .collect()
}

const RESET: &str = "(local.set $i32 (i32.const 1)) (local.set $f32 (f32.const 1.5))
    (local.set $i64 (i64.const 1)) (local.set $f64 (f64.const 1.5))";

fn case() -> Case {
    Case::call("main").gas(TGAS)
}

/// Whether contracts cost something else under these prices.
fn differ(
    oracle: &Oracle,
    contracts: &[(Contract, Outcome)],
    schedule: &impl Schedule,
) -> Result<bool, InvalidSchedule> {
    let runner = OurRunner::with_prices(oracle.config(), Prices::new(schedule)?);
    let burnt = |contract| runner.run(contract, &case()).expect("ours runs").burnt;
    Ok(contracts.iter().any(|(contract, nears)| burnt(contract) != nears.burnt))
}

#[test]
fn a_wrong_price_of_a_class_shows() {
    let oracle = Oracle::new();
    let contracts = everything(&oracle);
    let near = near(&oracle);
    assert_eq!(differ(&oracle, &contracts, &near), Ok(false), "at the right prices");
    let classes: BTreeSet<Class> = Operator::all().map(|operator| operator.class).collect();
    for class in classes {
        let operator = Operator::all().find(|operator| operator.class == class);
        let Price { base, unit } = near.price(operator.expect("one of the class"));
        let mut wrong = vec![Price { base: base + 1, unit }];
        if base > 0 {
            wrong.push(Price { base: base - 1, unit });
        }
        if unit > 0 {
            wrong.extend([Price { base, unit: unit + 1 }, Price { base, unit: unit - 1 }]);
        }
        for price in wrong {
            let schedule = ClassSchedule::new(near).with(class, price);
            // What must be free cannot have a wrong price.
            let shown = differ(&oracle, &contracts, &schedule).unwrap_or(price.base == 1);
            assert!(shown, "{class:?} at {price:?} instead of {base} and {unit}");
        }
    }
}

/// NEAR's prices but for one operator, which costs one more, or the entry of functions.
struct OneMore {
    near: FlatSchedule,
    name: Option<&'static str>,
}

impl Schedule for OneMore {
    fn price(&self, operator: &Operator) -> Price {
        let price = self.near.price(operator);
        let more = u64::from(self.name == Some(operator.name));
        Price { base: price.base + more, ..price }
    }

    fn frame_price(&self) -> u64 {
        self.near.frame_price() + u64::from(self.name.is_none())
    }

    fn frame_sizes(&self) -> FrameSizes {
        self.near.frame_sizes()
    }
}

#[test]
fn a_wrong_price_of_a_single_operator_shows() {
    let oracle = Oracle::new();
    let contracts = everything(&oracle);
    let near = near(&oracle);
    let mut shown = 0;
    for operator in Operator::all() {
        let name = operator.name;
        match differ(&oracle, &contracts, &OneMore { near, name: Some(name) }) {
            Ok(differ) => assert!(differ, "one more for {name}"),
            Err(error) => assert_eq!(error, InvalidSchedule::MustBeFree(name)),
        }
        shown += 1;
    }
    let accepted = OPERATORS.iter().filter(|(proposal, _)| PROPOSALS.contains(proposal));
    assert_eq!(shown, accepted.count(), "operators with a price (left) and those accepted (right)");
}

#[test]
fn wrong_sizes_and_prices_of_frames_show() {
    let oracle = Oracle::new();
    let contracts = everything(&oracle);
    let near = near(&oracle);
    let frame = near.frame;
    for frame in [
        FrameSizes { activation: frame.activation + 1, ..frame },
        FrameSizes { word32: frame.word32 + 1, ..frame },
        FrameSizes { word64: frame.word64 + 1, ..frame },
        FrameSizes { reference: frame.reference + 1, ..frame },
    ] {
        let schedule = FlatSchedule { frame, ..near };
        assert_eq!(differ(&oracle, &contracts, &schedule), Ok(true), "{frame:?}");
    }
    let schedule = OneMore { near, name: None };
    assert_eq!(differ(&oracle, &contracts, &schedule), Ok(true), "one more for eight bytes");
}
