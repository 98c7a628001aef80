//! What the analysis finds in one function: pure data, for a rewriter to read.

use super::charges::Charge;
use super::counted::Counted;
use super::types::Signature;

/// What a rewriter must know of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// `block`, `loop` or `if`: opens the label with that number.
    Open(u32),
    Else,
    End,
    /// With the relative depth.
    Br(u32),
    BrIf(u32),
    /// With one of its targets, which are all in one group.
    BrTable(u32),
    Return,
    Unreachable,
    /// `call` of that function.
    Call(u32),
    CallIndirect,
    /// `f64.promote_f32`
    Promote,
    /// `f32.demote_f64`
    Demote,
}

/// An operator that a rewriter must know of, with its place in the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: EventKind,
}

/// What opened a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LabelKind {
    Block,
    Loop,
    If,
}

/// A label of a function; number 0 is the function itself.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
pub(super) struct Label {
    pub(super) kind: LabelKind,
    /// Whether a branch carries operands to it.
    pub(super) has_operands: bool,
    pub(super) has_else: bool,
    /// Whether a function is called between it and its `end`.
    pub(super) has_calls: bool,
    /// Whether a branch goes to it, in reachable code or not.
    pub(super) is_target: bool,
    /// Whether a `br_table` goes to it.
    pub(super) in_table: bool,
    /// For what stands for a group: whether a `br_table` goes back to a loop in it.
    pub(super) table_repeats: bool,
    /// For a loop: how often it runs, if that is known when it begins.
    pub(super) counted: Option<Counted>,
    /// Labels of one `br_table` are one group: the number of the one that stands for them.
    group: u32,
}

impl Label {
    pub(super) fn new(number: u32, kind: LabelKind, has_operands: bool) -> Self {
        Label {
            kind,
            has_operands,
            has_else: false,
            has_calls: false,
            is_target: false,
            in_table: false,
            table_repeats: false,
            counted: None,
            group: number,
        }
    }
}

/// What is known of one function's body.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
pub(super) struct Body {
    pub(super) signature: Signature,
    /// In the order of their places.
    pub(super) charges: Vec<Charge>,
    pub(super) events: Vec<Event>,
    labels: Vec<Label>,
    pub(super) operand_bytes: u64,
    pub(super) frame_bytes: u64,
    pub(super) blocks: u64,
    pub(super) has_calls: bool,
    /// Whether there are loops that are not counted.
    pub(super) has_loops: bool,
    pub(super) has_counted_loops: bool,
    pub(super) has_bulk: bool,
    /// Where the declarations of locals stand, without their number.
    pub(super) declarations: (u32, u32),
    /// How many declarations there are, and how many locals with the parameters.
    pub(super) groups: u32,
    pub(super) locals: u32,
    /// The first operator.
    pub(super) code: u32,
    /// How long the function is with near-vm-runner's own metering.
    pub(super) reference_bytes: u64,
}

/// Memory for the lists of one body after the other.
#[derive(Debug, Default)]
pub(super) struct Room {
    events: Vec<Event>,
    labels: Vec<Label>,
}

/// The number of a label, from its place.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The place of the label with a number.
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Body {
    /// Gas of all that is charged once, and the entry's: no way without loops costs more.
    pub(super) fn total(&self, entry_gas: u64) -> u64 {
        let bases = self.charges.iter().map(|charge| charge.price.base);
        bases.fold(entry_gas, u64::saturating_add)
    }

    pub(super) fn label(&self, number: u32) -> Option<&Label> {
        self.labels.get(place(number))
    }

    pub(super) fn label_mut(&mut self, number: u32) -> Option<&mut Label> {
        self.labels.get_mut(place(number))
    }

    pub(super) fn label_count(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn add_label(&mut self, kind: LabelKind, has_operands: bool) -> u32 {
        let number = number(self.labels.len());
        self.labels.push(Label::new(number, kind, has_operands));
        number
    }

    /// The label that stands for all labels of the group of `label`.
    pub(super) fn group(&self, label: u32) -> u32 {
        self.label(label).map_or(label, |label| label.group)
    }

    /// The same while groups still grow; shortens the way for the next.
    fn find(&mut self, mut label: u32) -> u32 {
        loop {
            let next = self.group(label);
            if next == label {
                return label;
            }
            let after = self.group(next);
            if let Some(label) = self.label_mut(label) {
                label.group = after;
            }
            label = after;
        }
    }

    pub(super) fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.find(one), self.find(other));
        if let Some(label) = self.label_mut(one.max(other)) {
            label.group = one.min(other);
        }
    }

    /// A body whose lists grow in `room`.
    pub(super) fn new(room: &mut Room) -> Self {
        Body {
            events: std::mem::take(&mut room.events),
            labels: std::mem::take(&mut room.labels),
            ..Body::default()
        }
    }

    /// Gives the room back, but for a large body's: there may be a million of bodies, which keep
    /// no more than they need.
    pub(super) fn leave(&mut self, room: &mut Room) {
        const LARGE: usize = 1 << 12;
        if self.events.len().max(self.labels.len()) > LARGE {
            self.events.shrink_to_fit();
            self.labels.shrink_to_fit();
            return;
        }
        let (events, labels) = (self.events.clone(), self.labels.clone());
        room.events = std::mem::replace(&mut self.events, events);
        room.labels = std::mem::replace(&mut self.labels, labels);
        room.events.clear();
        room.labels.clear();
    }

    /// Lets each label know its group at once, and the body its loops. The one that stands for a
    /// group has the smallest number in it.
    pub(super) fn settle(&mut self) {
        for at in 0..self.labels.len() {
            let group = self.group(number(at));
            let group = self.group(group);
            if let Some(label) = self.labels.get_mut(at) {
                label.group = group;
                let repeats = label.kind == LabelKind::Loop && label.is_target;
                self.has_loops |= repeats && label.counted.is_none();
                self.has_counted_loops |= label.counted.is_some();
                let table_repeats = label.in_table && label.kind == LabelKind::Loop;
                if let Some(root) = self.label_mut(group) {
                    root.table_repeats |= table_repeats;
                }
            }
        }
    }
}
