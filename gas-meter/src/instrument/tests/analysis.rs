//! The analysis finds what finite-wasm finds, on which NEAR's totals rest.

use arbitrary::Unstructured;
use finite_wasm::{Fee, max_stack, prefix_sum_vec, wasmparser as wp};
use wasm_smith::{Config, Module};

use super::*;

/// finite-wasm's view of the test's schedule.
struct Fees;

macro_rules! fees {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(fn $visit(&mut self $($(, _: $argty)*)?) -> Fee { fees!(@price $visit) })*
    };
    (@price visit_block) => { Fee::ZERO };
    (@price visit_else) => { Fee::ZERO };
    (@price visit_end) => { Fee::ZERO };
    (@price visit_memory_copy) => { LINEAR };
    (@price visit_memory_fill) => { LINEAR };
    (@price visit_memory_grow) => { LINEAR };
    (@price visit_memory_init) => { LINEAR };
    (@price visit_table_copy) => { LINEAR };
    (@price visit_table_fill) => { LINEAR };
    (@price visit_table_grow) => { LINEAR };
    (@price visit_table_init) => { LINEAR };
    (@price $visit:ident) => { Fee { constant: 1, linear: 0 } };
}

const LINEAR: Fee = Fee { constant: 100, linear: 10 };

impl<'a> wp::VisitOperator<'a> for Fees {
    type Output = Fee;
    wp::for_each_visit_operator!(fees);
}

impl wp::VisitSimdOperator<'_> for Fees {
    wp::for_each_visit_simd_operator!(fees);
}

struct Sizes;

impl max_stack::SizeConfig for Sizes {
    fn size_of_value(&self, ty: wp::ValType) -> u8 {
        match ty {
            wp::ValType::I32 | wp::ValType::F32 => 4,
            wp::ValType::I64 | wp::ValType::F64 | wp::ValType::Ref(_) => 8,
            wp::ValType::V128 => 16,
        }
    }

    fn size_of_function_activation(
        &self,
        locals: &prefix_sum_vec::PrefixSumVec<wp::ValType, u32>,
    ) -> u64 {
        let mut next = 0;
        locals.into_iter().fold(64, |size, (last, ty)| {
            let count = u64::from(*last) + 1 - next;
            next += count;
            size + count * u64::from(self.size_of_value(*ty))
        })
    }
}

fn assert_same(wasm: &[u8], what: &str) {
    let theirs = finite_wasm::Analysis::new().with_stack(Sizes).with_gas(Fees).analyze(wasm);
    let theirs = theirs.expect("finite-wasm takes valid modules");
    let ours = analyze(wasm, &prices(), &unlimited()).expect("so do we");
    assert_eq!(ours.functions.len(), theirs.gas_costs.len(), "{what}");
    for (at, function) in ours.functions.iter().enumerate() {
        let charges: Vec<(usize, Price)> = function
            .charges
            .iter()
            .map(|charge| (usize::try_from(charge.offset).expect("an offset"), charge.price))
            .collect();
        let fees = theirs.gas_offsets[at].iter().zip(&theirs.gas_costs[at]);
        let wanted: Vec<(usize, Price)> = fees
            .zip(&theirs.gas_kinds[at])
            .filter(|((_, fee), kind)| {
                **kind != finite_wasm::gas::InstrumentationKind::Unreachable && **fee != Fee::ZERO
            })
            .map(|((offset, fee), _)| (*offset, Price { base: fee.constant, unit: fee.linear }))
            .collect();
        assert_eq!(charges, wanted, "charges of function {at} of {what}");
        assert_eq!(function.operand_bytes, theirs.function_operand_stack_sizes[at], "{what}");
        assert_eq!(function.frame_bytes, theirs.function_frame_sizes[at], "{what}");
    }
}

#[test]
fn fixtures_are_charged_as_finite_wasm_does() {
    for name in ["status", "tiny", "assembly", "bulk", "traps", "storage", "numbers", "limits"] {
        assert_same(&fixtures::module(name).code(), name);
    }
}

#[test]
fn what_an_indirect_call_leaves_is_counted_as_finite_wasm_does() {
    // The index stays below the results, or the first parameter in its place.
    let extensions =
        ["i32.extend8_s", "i32.extend16_s", "i64.extend8_s", "i64.extend16_s", "i64.extend32_s"];
    for extension in extensions {
        let word = &extension[..3];
        for param in ["", "i32", "i64"] {
            let (declared, passed) = match param {
                "" => (String::new(), String::new()),
                param => (format!("(param {param})"), format!("({param}.const 2)")),
            };
            let text = format!(
                r"(module (table 1 funcref) (type $t (func {declared}))
                    (func ({word}.const 1)
                        (call_indirect (type $t) {passed} (i32.const 0))
                        {extension} f64.const 1 drop drop))"
            );
            assert_same(&wat::parse_str(&text).expect("valid text"), &text);
        }
    }
}

#[test]
fn random_modules_are_charged_as_finite_wasm_does() {
    let mut seen = 0;
    for seed in 0u64..1_500 {
        let bytes = fixtures::Rng::new(seed).bytes(2_048);
        let config = Config {
            max_memories: 1,
            max_tables: 2,
            max_instructions: 300,
            reference_types_enabled: true,
            bulk_memory_enabled: true,
            multi_value_enabled: seed % 2 == 0,
            exceptions_enabled: false,
            gc_enabled: false,
            memory64_enabled: false,
            relaxed_simd_enabled: false,
            simd_enabled: false,
            tail_call_enabled: false,
            threads_enabled: false,
            extended_const_enabled: false,
            ..Config::default()
        };
        if let Ok(module) = Module::new(config, &mut Unstructured::new(&bytes)) {
            seen += 1;
            assert_same(&module.to_bytes(), &format!("seed {seed}"));
        }
    }
    assert!(seen > 1_000, "only {seen} modules");
}

#[test]
fn prices_that_could_overflow_are_refused() {
    let base = schedule();
    let dear = Price::flat(Prices::MAX_BASE + 1);
    let repriced = |class, price| Prices::new(&ClassSchedule::new(base).with(class, price));
    assert_eq!(repriced(Class::Br, dear), Err(InvalidSchedule::TooLarge("br")));
    let units = Price { base: 1, unit: 1 };
    assert_eq!(repriced(Class::Call, units), Err(InvalidSchedule::NoUnits("call")));
    let dear = Price { base: 1, unit: Prices::MAX_UNIT + 1 };
    assert_eq!(repriced(Class::MemoryFill, dear), Err(InvalidSchedule::TooLarge("memory.fill")));
    let one = Price::flat(1);
    assert_eq!(repriced(Class::End, one), Err(InvalidSchedule::MustBeFree("end")));
}

#[test]
fn each_class_has_its_own_price() {
    let wasm = code("(module (func (param i32) (drop (i32.mul (local.get 0) (i32.const 3)))))");
    let schedule = ClassSchedule::new(schedule()).with(Class::IntegerMul, Price::flat(50));
    let prices = Prices::new(&schedule).expect("small prices");
    let analysis = analyze(&wasm, &prices, &unlimited()).expect("a valid module");
    let total: u64 = analysis.functions[0].charges.iter().map(|charge| charge.price.base).sum();
    assert_eq!(total, 53);
}
