//! One pass over a function's code: its charges, its stack, and the places that a rewriter needs
//! to know. Knows nothing of how a charge is written down.
//!
//! What stack a function takes follows finite-wasm 0.6.1 (`max_stack/`). The pass does not
//! validate: code that is not valid gets an error or figures that mean nothing, never a panic.

use super::body::{Body, Event, EventKind, LabelKind, Room, number, place};
use super::charges::{Kind, LoopPoints, Points};
use super::counted::CountedLoops;
use super::operator::{Class, Effect, Immediates, Operator, PREFIX, Push};
use super::reader::Reader;
use super::reference::ReferenceSize;
use super::row::Row;
use super::schedule::{FrameSizes, Price, Prices, Schedule};
use super::stack::{LocalSizes, Operands};
use super::types::{ModuleTypes, Signature};
use super::{InstrumentError, Rule};

#[derive(Clone, Copy, Debug)]
struct Frame {
    label: u32,
    loop_points: Option<LoopPoints>,
    /// How many operands there were when it was entered, less its parameters.
    height: usize,
    signature: Signature,
    reachable: bool,
}

/// What is known while a function is read, with the memory of the one before.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    points: Points,
    loops: CountedLoops,
    frames: Vec<Frame>,
    operands: Operands,
    locals: LocalSizes,
    references: References,
    pub(super) room: Room,
}

impl Scratch {
    fn clear(&mut self) {
        self.points.clear();
        self.loops.clear();
        self.frames.clear();
        self.operands.clear();
        self.locals.clear();
        self.references.clear();
    }
}

/// Reads one function.
pub(super) struct Analyzer<'a> {
    pub(super) prices: &'a Prices,
    pub(super) types: &'a ModuleTypes,
    /// Index of the metering globals, which decides how long NEAR's own code is.
    pub(super) gas_global: u32,
    pub(super) reader: Reader<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) body: Body,
}

type Step = Result<(), InstrumentError>;

impl Analyzer<'_> {
    /// Reads the function of type `signature` that the reader is at, up to its end.
    pub(super) fn read(mut self, signature: Signature) -> Result<Body, InstrumentError> {
        self.scratch.clear();
        self.body.signature = signature;
        self.body.frame_bytes = self.locals(signature)?;
        self.body.code = self.reader.offset();
        let has_operands = signature.results > 0;
        let label = self.body.add_label(LabelKind::Block, has_operands);
        self.scratch.frames.push(Frame {
            label,
            loop_points: None,
            height: 0,
            signature,
            reachable: true,
        });
        while !self.scratch.frames.is_empty() {
            let (operator, price, start) = self.straight()?;
            self.special(operator, price, start)?;
        }
        if !self.reader.is_empty() {
            return Err(self.reader.error(Rule::Malformed));
        }
        self.body.operand_bytes = self.scratch.operands.highest();
        self.body.settle();
        self.body.leave(&mut self.scratch.room);
        self.scratch.points.finish();
        self.body.charges = self.scratch.points.finished().to_vec();
        self.reference_size();
        Ok(self.body)
    }

    fn sizes(&self) -> FrameSizes {
        self.prices.frame_sizes()
    }

    fn error(&self, rule: Rule) -> InstrumentError {
        self.reader.error(rule)
    }

    fn reachable(&self) -> bool {
        self.scratch.frames.last().is_none_or(|frame| frame.reachable)
    }

    fn event(&mut self, start: u32, kind: EventKind) {
        self.body.events.push(Event { start, end: self.reader.offset(), kind });
    }

    /// Reads the declarations; returns the size of the frame.
    fn locals(&mut self, signature: Signature) -> Result<u64, InstrumentError> {
        let mut bytes = self.sizes().activation;
        let mut count = 0u32;
        for ty in self.types.params(signature) {
            let size = self.size(ty).ok_or_else(|| self.error(Rule::UnsupportedType))?;
            bytes = bytes.saturating_add(u64::from(size));
            count = count.checked_add(1).ok_or_else(|| self.error(Rule::TooManyLocals))?;
            self.scratch.locals.add(count, size);
        }
        self.body.groups = self.reader.u32()?;
        let start = self.reader.offset();
        for _ in 0..self.body.groups {
            let run = self.reader.u32()?;
            let ty = self.reader.byte()?;
            let size = self.size(ty).ok_or_else(|| self.error(Rule::UnsupportedType))?;
            count = count.checked_add(run).ok_or_else(|| self.error(Rule::TooManyLocals))?;
            bytes = bytes.saturating_add(u64::from(size).saturating_mul(u64::from(run)));
            self.scratch.locals.add(count, size);
        }
        self.body.declarations = (start, self.reader.offset());
        self.body.locals = count;
        Ok(bytes)
    }

    /// The size of a value type, by its byte; none where the type is not accepted.
    fn size(&self, ty: u8) -> Option<u8> {
        let sizes = self.sizes();
        match ty {
            0x7f | 0x7d => Some(sizes.word32),
            0x7e | 0x7c => Some(sizes.word64),
            0x70 | 0x6f => Some(sizes.reference),
            _ => None,
        }
    }

    /// Reads straight code, which most code is, up to the next operator of control flow, and
    /// returns that one. What it counts stays in variables of its own, so that it is quick.
    fn straight(&mut self) -> Result<(&'static Operator, Price, u32), InstrumentError> {
        let reachable = self.reachable();
        let mut reader = self.reader.clone();
        // Gas of what joins the last point, once it is known that all that is pure does.
        let (mut joins, mut gas) = (false, 0u64);
        loop {
            let start = reader.offset();
            let row = row(&mut reader, self.prices)?;
            let row =
                row.ok_or(InstrumentError { rule: Rule::UnsupportedOperator, offset: start })?;
            if !joins {
                self.scratch.points.at(start);
            }
            if row.effect == Effect::Control {
                self.scratch.points.join(gas);
                self.reader = reader;
                return Ok((row.operator, row.price, start));
            }
            if !self.scratch.loops.is_idle() {
                self.in_loop(row, start, &reader)?;
            }
            let mut size = row.size;
            if row.effect == Effect::Variable {
                size = self.variable(row.operator.class, &mut reader, start)?;
            } else {
                skip(&mut reader, row)?;
            }
            if !row.effect.is_pure() {
                self.scratch.points.join(std::mem::take(&mut gas));
                self.traps(row, start, reachable);
                joins = false;
            } else if joins {
                gas = gas.saturating_add(row.price.base);
            } else {
                self.scratch.points.before(start, Kind::Pure, row.price, reachable);
                joins = true;
            }
            if row.operator.class == Class::FloatResize {
                let promotes = row.operator.push == Push::Word64;
                let kind = if promotes { EventKind::Promote } else { EventKind::Demote };
                self.body.events.push(Event { start, end: reader.offset(), kind });
            }
            if reachable {
                self.scratch.operands.replace(row.pops, row.pushes, size);
            }
        }
    }

    /// Points around an operator of straight code that can trap.
    fn traps(&mut self, row: &Row, start: u32, reachable: bool) {
        let bulk = row.effect == Effect::Bulk;
        let points = &mut self.scratch.points;
        points.before(start, if bulk { Kind::Bulk } else { Kind::Before }, row.price, reachable);
        points.after(Kind::After);
        self.body.has_bulk |= bulk;
    }

    /// Tells the loops around it of an operator whose immediates are yet to be read.
    fn in_loop(&mut self, row: &Row, start: u32, reader: &Reader<'_>) -> Step {
        let loops = &mut self.scratch.loops;
        if row.effect == Effect::Bulk {
            loops.forget();
            return Ok(());
        }
        loops.operator(start, row.price.base);
        if matches!(row.operator.class, Class::LocalSet | Class::LocalTee) {
            loops.set(reader.clone().u32()?);
        }
        Ok(())
    }

    fn push_all(&mut self, types: impl Iterator<Item = u8>) {
        for ty in types {
            let size = self.size(ty).unwrap_or_default();
            self.scratch.operands.push(size);
        }
    }

    /// Control flow and calls.
    fn special(&mut self, operator: &Operator, price: Price, start: u32) -> Step {
        match operator.class {
            Class::Call | Class::CallIndirect => self.call(operator.class, price, start),
            Class::Block | Class::Loop | Class::If => self.open(operator.class, price, start),
            Class::Else => self.middle(price, start),
            Class::End => self.end(price, start),
            _ => self.branch(operator.class, price, start),
        }
    }

    /// The size of what `local.get`, `global.get` or `ref.func` pushes.
    fn variable(
        &mut self,
        class: Class,
        reader: &mut Reader<'_>,
        start: u32,
    ) -> Result<u8, InstrumentError> {
        let index = reader.u32()?;
        let size = match class {
            Class::LocalGet => self.scratch.locals.get(index),
            Class::GlobalGet => self.types.global(index).and_then(|ty| self.size(ty)),
            _ => {
                self.scratch.references.function(index, start, reader.offset());
                Some(self.sizes().reference)
            }
        };
        size.ok_or_else(|| reader.error(Rule::UnknownIndex))
    }

    fn call(&mut self, class: Class, price: Price, start: u32) -> Step {
        self.scratch.loops.forget();
        let (signature, kind) = if class == Class::Call {
            let function = self.reader.u32()?;
            self.scratch.references.function(function, start, self.reader.offset());
            (self.types.function(function), EventKind::Call(function))
        } else {
            let ty = self.reader.u32()?;
            self.reader.u32()?;
            (self.types.signature(ty), EventKind::CallIndirect)
        };
        let signature = signature.ok_or_else(|| self.error(Rule::UnknownIndex))?;
        let reachable = self.reachable();
        self.scratch.points.before(start, Kind::Before, price, reachable);
        self.scratch.points.after(Kind::After);
        self.body.has_calls = true;
        self.calls_inside();
        self.event(start, kind);
        if reachable {
            // finite-wasm takes no operand for the index of `call_indirect`; neither do we.
            self.scratch.operands.pop(place(signature.params));
            self.push_all(self.types.results(signature));
        }
        Ok(())
    }

    /// The innermost frame contains a call.
    fn calls_inside(&mut self) {
        let label = self.scratch.frames.last().map(|frame| frame.label);
        if let Some(label) = label.and_then(|label| self.body.label_mut(label)) {
            label.has_calls = true;
        }
    }

    fn open(&mut self, class: Class, price: Price, start: u32) -> Step {
        let reachable = self.reachable();
        let signature = self.block_type()?;
        let params = signature.params;
        let mut loop_points = None;
        let (kind, carried) = if class == Class::Loop {
            loop_points = Some(self.scratch.points.before_loop(start, price.base, reachable));
            (LabelKind::Loop, params)
        } else {
            self.scratch.loops.forget();
            let results = signature.results;
            if class == Class::If {
                self.scratch.points.before(start, Kind::Before, price, reachable);
                self.scratch.points.after(Kind::After);
                if reachable {
                    self.scratch.operands.pop(1);
                }
                (LabelKind::If, results)
            } else {
                self.scratch.points.before(start, Kind::Pure, price, reachable);
                (LabelKind::Block, results)
            }
        };
        if class == Class::Loop && reachable && signature == Signature::EMPTY {
            self.scratch.loops.open(self.scratch.frames.len(), price.base);
        } else if class == Class::Loop {
            self.scratch.loops.forget();
        }
        let operands = self.scratch.operands.count();
        let height = if reachable { operands.saturating_sub(place(params)) } else { operands };
        self.body.blocks = self.body.blocks.saturating_add(1);
        let label = self.body.add_label(kind, carried > 0);
        self.scratch.frames.push(Frame { label, loop_points, height, signature, reachable });
        self.event(start, EventKind::Open(label));
        Ok(())
    }

    /// `else`
    fn middle(&mut self, price: Price, start: u32) -> Step {
        let malformed = InstrumentError { rule: Rule::Malformed, offset: start };
        self.scratch.loops.forget();
        let frame = self.scratch.frames.pop().ok_or(malformed)?;
        let label = self.body.label_mut(frame.label).ok_or(malformed)?;
        if label.kind != LabelKind::If || label.has_else {
            return Err(malformed);
        }
        label.has_else = true;
        let reachable = self.reachable();
        self.scratch.points.before(start, Kind::Before, price, reachable);
        self.scratch.points.after(Kind::After);
        self.truncate(frame.height, reachable);
        self.scratch.frames.push(Frame { reachable, ..frame });
        if reachable {
            self.push_all(self.types.params(frame.signature));
        }
        self.event(start, EventKind::Else);
        Ok(())
    }

    fn end(&mut self, price: Price, start: u32) -> Step {
        let malformed = InstrumentError { rule: Rule::Malformed, offset: start };
        let frame = self.scratch.frames.pop().ok_or(malformed)?;
        let label = self.body.label_mut(frame.label).ok_or(malformed)?;
        if !self.scratch.loops.is_idle() {
            label.counted = self.scratch.loops.close(self.scratch.frames.len(), start);
        }
        let arrives = label.is_target && label.kind != LabelKind::Loop;
        if label.kind == LabelKind::If || arrives {
            self.scratch.points.before(start, Kind::Before, price, frame.reachable);
            self.scratch.points.after(Kind::After);
        } else {
            self.scratch.points.before(start, Kind::Pure, price, frame.reachable);
        }
        self.event(start, EventKind::End);
        if self.body.label(frame.label).is_some_and(|label| label.has_calls) {
            self.calls_inside();
        }
        let reachable = self.reachable();
        if !self.scratch.frames.is_empty() && reachable {
            self.truncate(frame.height, reachable);
            self.push_all(self.types.results(frame.signature));
        }
        Ok(())
    }

    fn truncate(&mut self, height: usize, reachable: bool) {
        if reachable {
            self.scratch.operands.truncate(height);
        }
    }

    /// `br`, `br_if`, `br_table`, `return` and `unreachable`.
    fn branch(&mut self, class: Class, price: Price, start: u32) -> Step {
        let reachable = self.reachable();
        let ends = if class == Class::Unreachable { Kind::Unreachable } else { Kind::After };
        self.scratch.points.before(start, Kind::Before, price, reachable);
        self.scratch.points.after(ends);
        if class != Class::BrIf {
            self.scratch.loops.forget();
        }
        let kind = match class {
            Class::Unreachable => EventKind::Unreachable,
            Class::Return => {
                self.scratch.references.returns(self.reader.offset().saturating_sub(start));
                self.target(number(self.scratch.frames.len().saturating_sub(1)))?;
                EventKind::Return
            }
            Class::Br => {
                let depth = self.reader.u32()?;
                self.target(depth)?;
                EventKind::Br(depth)
            }
            Class::BrIf => {
                let depth = self.reader.u32()?;
                let target = self.target(depth)?;
                if !self.scratch.loops.is_idle() {
                    let end = self.reader.offset();
                    let wasm = self.reader.wasm();
                    self.scratch.loops.branch_if(wasm, start, end, target, price.base);
                }
                if reachable {
                    self.scratch.operands.pop(1);
                }
                EventKind::BrIf(depth)
            }
            _ => self.branch_table()?,
        };
        if class != Class::BrIf
            && let Some(frame) = self.scratch.frames.last_mut()
        {
            frame.reachable = false;
        }
        self.event(start, kind);
        Ok(())
    }

    fn branch_table(&mut self) -> Result<EventKind, InstrumentError> {
        let count = self.reader.u32()?;
        let mut first = None;
        // One more: the default.
        for _ in 0..=count {
            let depth = self.reader.u32()?;
            let target = self.target(depth)?;
            let label = self.scratch.frames.get(target).map_or(0, |frame| frame.label);
            if let Some(label) = self.body.label_mut(label) {
                label.in_table = true;
            }
            match first {
                None => first = Some(label),
                Some(first) => self.body.join(first, label),
            }
        }
        Ok(EventKind::BrTable(first.unwrap_or_default()))
    }

    /// A branch goes to the frame at `depth`; returns how many frames are around that.
    fn target(&mut self, depth: u32) -> Result<usize, InstrumentError> {
        let unknown = self.error(Rule::UnknownIndex);
        let at = self.scratch.frames.len().checked_sub(place(depth).saturating_add(1));
        let at = at.ok_or(unknown)?;
        let frame = *self.scratch.frames.get(at).ok_or(unknown)?;
        if let Some(points) = frame.loop_points {
            self.scratch.points.mark_loop(points);
        }
        self.body.label_mut(frame.label).ok_or(unknown)?.is_target = true;
        Ok(at)
    }

    fn block_type(&mut self) -> Result<Signature, InstrumentError> {
        let first = self.reader.peek()?;
        if first == 0x40 {
            self.reader.byte()?;
            return Ok(Signature::EMPTY);
        }
        if first & 0xc0 == 0x40 {
            self.reader.byte()?;
            self.size(first).ok_or_else(|| self.error(Rule::UnsupportedType))?;
            return Ok(Signature::result(first));
        }
        let ty = u32::try_from(self.reader.i33()?).ok();
        let signature = ty.and_then(|ty| self.types.signature(ty));
        signature.ok_or_else(|| self.error(Rule::UnknownIndex))
    }

    /// Counts how long NEAR's own metering of the function is.
    fn reference_size(&mut self) {
        let body = &self.body;
        let references = &self.scratch.references;
        let declarations = body.declarations.1.saturating_sub(body.declarations.0);
        let stack_bytes = body.operand_bytes.saturating_add(body.frame_bytes);
        let mut size = ReferenceSize::new(self.gas_global, body.groups, place(declarations));
        size.enter(stack_bytes);
        size.charge(self.prices.entry(body.frame_bytes));
        let code = self.reader.offset().saturating_sub(body.code);
        size.copied(place(code.saturating_sub(references.bytes)));
        for function in &references.functions {
            size.function_reference(*function);
        }
        for _ in 0..references.returns {
            size.leave(stack_bytes);
        }
        size.leave(stack_bytes);
        let (amount, count) = (body.locals, body.locals.saturating_add(1));
        for charge in &body.charges {
            match charge.price.unit {
                0 => size.charge(charge.price.base),
                unit => size.bulk_charge(charge.price.base, unit, amount, count),
            }
        }
        self.body.reference_bytes = size.finish();
    }
}

/// Operators that NEAR's own metering writes differently.
#[derive(Debug, Default)]
struct References {
    functions: Vec<u32>,
    returns: u32,
    /// What they take in the module.
    bytes: u32,
}

impl References {
    fn clear(&mut self) {
        self.functions.clear();
        self.returns = 0;
        self.bytes = 0;
    }

    fn function(&mut self, function: u32, start: u32, end: u32) {
        self.functions.push(function);
        self.bytes = self.bytes.saturating_add(end.saturating_sub(start));
    }

    fn returns(&mut self, bytes: u32) {
        self.returns = self.returns.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Reads an opcode.
#[inline]
fn row<'p>(
    reader: &mut Reader<'_>,
    prices: &'p Prices,
) -> Result<Option<&'p Row>, InstrumentError> {
    let opcode = reader.byte()?;
    if opcode == PREFIX {
        return Ok(prices.prefixed(reader.u32()?));
    }
    Ok(prices.one_byte(opcode))
}

/// Passes what follows the opcode.
#[inline]
fn skip(reader: &mut Reader<'_>, row: &Row) -> Result<(), InstrumentError> {
    match row.quick {
        Some(quick) if reader.skip_short(quick.numbers, quick.forbidden) => Ok(()),
        _ => skip_all(reader, row.operator.immediates),
    }
}

fn skip_all(reader: &mut Reader<'_>, immediates: Immediates) -> Result<(), InstrumentError> {
    match immediates {
        Immediates::None => Ok(()),
        Immediates::Index | Immediates::I32 | Immediates::HeapType => reader.skip_leb(5),
        Immediates::TwoIndices => {
            reader.skip_leb(5)?;
            reader.skip_leb(5)
        }
        Immediates::Memory => {
            let flags = reader.u32()?;
            if flags & 0x40 != 0 {
                return Err(reader.error(Rule::UnsupportedOperator));
            }
            reader.skip_leb(5)
        }
        Immediates::I64 => reader.skip_leb(10),
        Immediates::Bytes4 => reader.skip(4),
        Immediates::Bytes8 => reader.skip(8),
        Immediates::Types => {
            for _ in 0..reader.u32()? {
                reader.skip(1)?;
            }
            Ok(())
        }
        Immediates::BlockType | Immediates::BranchTable => Err(reader.error(Rule::Malformed)),
    }
}
