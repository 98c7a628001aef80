//! [`formulas`]: a function's charges as formulas, found by turning one knob at a time.

use std::fmt::Write;

use host_fns::abi::HostFnDecl;

use super::knobs::{CONDITIONS, Knob, full_scene, knobs, widen_text};
use super::trace::{Charge, Of, at_unit_prices, differ, name_of, trace};
use crate::scene::Scene;

/// What a function charges, a phrase for each charge.
pub(super) fn formulas(decl: &'static HostFnDecl) -> Vec<String> {
    let scene = at_unit_prices(full_scene(Scene::new(decl)));
    assert!(scene.is_good(), "{}: {:?}", decl.name, scene.call().1);
    let charges = trace(&scene);
    let knobs: Vec<Turned> =
        knobs(&scene).into_iter().filter_map(|knob| Turned::new(&scene, &charges, knob)).collect();
    let conditions = conditions(&scene, &charges);
    let wide = {
        let mut wide = scene.clone();
        widen_text(&mut wide);
        differ(&scene, &wide).then(|| trace(&wide))
    };
    let amounts: Vec<String> = (0..charges.len())
        .map(|at| match &wide {
            Some(wide) if wide[at] != charges[at] => "bytes of the text in UTF-8".to_owned(),
            _ => amount(&scene, &charges, at, &knobs),
        })
        .collect();
    phrases(&charges, &amounts, &conditions)
}

/// A knob, and what came of turning it.
struct Turned {
    knob: Knob,
    /// For each charge: by how much the knob was turned, and by how much that raised the charge.
    /// The first turn that did.
    turns: Vec<Option<(u64, u64)>>,
}

impl Turned {
    fn new(scene: &Scene, charges: &[Charge], knob: Knob) -> Option<Self> {
        let mut turns = vec![None; charges.len()];
        for by in knob.moves.iter().copied().filter(|by| *by > 0) {
            let turned = turned(scene, &[(&knob, by)]);
            if !differ(scene, &turned) || !turned.is_good() {
                continue;
            }
            let Some(units) = same_shape(charges, &trace(&turned)) else { continue };
            for ((turn, before), after) in turns.iter_mut().zip(charges).zip(units) {
                if turn.is_none() && after > before.units {
                    *turn = Some((by, after - before.units));
                }
            }
        }
        turns.iter().any(Option::is_some).then_some(Turned { knob, turns })
    }
}

fn turned(scene: &Scene, turns: &[(&Knob, u64)]) -> Scene {
    let mut scene = scene.clone();
    for (knob, by) in turns {
        (knob.turn)(&mut scene, *by);
    }
    scene
}

/// The units of charges that are for the same as others.
fn same_shape(charges: &[Charge], others: &[Charge]) -> Option<Vec<u64>> {
    let same = charges.iter().map(|charge| charge.of).eq(others.iter().map(|charge| charge.of));
    same.then(|| others.iter().map(|charge| charge.units).collect())
}

/// The condition under which each charge is made.
fn conditions(scene: &Scene, charges: &[Charge]) -> Vec<Option<&'static str>> {
    let mut conditions = vec![None; charges.len()];
    for (condition, fail) in CONDITIONS {
        let mut failed = scene.clone();
        fail(&mut failed);
        if !differ(scene, &failed) || !failed.is_good() {
            continue;
        }
        let left = trace(&failed);
        let mut left = left.iter().map(|charge| charge.of).peekable();
        for (charge, known) in charges.iter().zip(&mut conditions) {
            if left.next_if_eq(&charge.of).is_none() {
                known.get_or_insert(*condition);
            }
        }
    }
    conditions
}

/// How many units a charge has.
fn amount(scene: &Scene, charges: &[Charge], at: usize, knobs: &[Turned]) -> String {
    let units = charges[at].units;
    let turned: Vec<(&Knob, u64, u64)> = knobs
        .iter()
        .filter_map(|turned| turned.turns[at].map(|(by, more)| (&turned.knob, by, more)))
        .collect();
    if let [(knob, by, more)] = turned.as_slice() {
        return linear(scene, at, units, knob, *by, *more);
    }
    if turned.is_empty() {
        return units.to_string();
    }
    let turns: Vec<_> = turned.iter().map(|(knob, by, _)| (*knob, *by)).collect();
    let all = turned_units(scene, charges, at, &turns);
    let grown: u64 = turned.iter().map(|(_, _, more)| more).sum();
    if all == units + grown {
        return sum(units, &turned);
    }
    // A product: of one knob alone, and of the sum of the others.
    let product = (0..turned.len()).find_map(|factor| {
        let mut others = turned.clone();
        let (factor, by, more) = others.remove(factor);
        if more * factor.base != units * by {
            return None;
        }
        for (_, _, more) in &mut others {
            *more /= factor.base;
        }
        let once = units / factor.base;
        let grown: u64 = others.iter().map(|(_, _, more)| more).sum();
        let fits = all == (once + grown) * (factor.base + by);
        fits.then(|| format!("{} × {}", sum(once, &others), factor.name))
    });
    product.unwrap_or_else(|| panic!("{}: charge {at} is no product", scene.decl.name))
}

fn turned_units(scene: &Scene, charges: &[Charge], at: usize, turns: &[(&Knob, u64)]) -> u64 {
    let units = same_shape(charges, &trace(&turned(scene, turns)));
    units.expect("knobs that can be turned can be turned together")[at]
}

/// An amount that grows by `more` with each `by` of a knob.
fn linear(scene: &Scene, at: usize, units: u64, knob: &Knob, by: u64, more: u64) -> String {
    if more.is_multiple_of(by) {
        return sum(units, &[(knob, by, more)]);
    }
    assert_eq!(more, 1, "{}: charge {at} grows by {more} with {by}", scene.decl.name);
    // Where less of the knob is an error, the amount is of whole pieces. Where not, it is rounded:
    // the piece that the next unit begins with tells how.
    let full = (1..=by).find(|more| {
        let turned = turned(scene, &[(knob, *more)]);
        turned.is_good() && trace(&turned)[at].units > units
    });
    match full.expect("the whole turn makes a unit") {
        full if full == by => format!("{} ÷ {by}", knob.name),
        full => {
            let shift = by - (knob.base + full) % by;
            let constant = units - (knob.base + shift) / by;
            format!("(({} + {shift}) ÷ {by} + {constant})", knob.name)
        }
    }
}

/// An amount that is a sum of knobs and a constant.
fn sum(units: u64, turned: &[(&Knob, u64, u64)]) -> String {
    let mut terms = Vec::new();
    let mut constant = units;
    for (knob, by, more) in turned {
        assert!(more.is_multiple_of(*by), "{} grows by {more} with {by}", knob.name);
        let slope = more / by;
        constant -= slope * knob.base;
        terms.push(match slope {
            1 => knob.name.clone(),
            slope => format!("{slope} × {}", knob.name),
        });
    }
    if constant > 0 {
        terms.push(constant.to_string());
    }
    match terms.as_slice() {
        [term] => term.clone(),
        terms => format!("({})", terms.join(" + ")),
    }
}

/// The charges as text: those of an action together, and those under a condition.
fn phrases(
    charges: &[Charge],
    amounts: &[String],
    conditions: &[Option<&'static str>],
) -> Vec<String> {
    let mut phrases: Vec<(Option<&str>, String)> = Vec::new();
    let mut at = 0;
    while at < charges.len() {
        let next = charges.get(at + 1).map(|next| next.of);
        let alike = amounts.get(at + 1) == Some(&amounts[at]);
        let (phrase, taken) = phrase(charges[at].of, &amounts[at], next.filter(|_| alike));
        match phrases.last_mut() {
            Some((condition, said)) if condition.is_some() && *condition == conditions[at] => {
                write!(said, " + {phrase}").unwrap();
            }
            _ => phrases.push((conditions[at], phrase)),
        }
        at += taken;
    }
    let bracketed = |(condition, phrase): (Option<&str>, String)| match condition {
        Some(condition) => format!("\\[{condition}: {phrase}\\]"),
        None => phrase,
    };
    phrases.into_iter().map(bracketed).collect()
}

/// One charge as text, with the next one where that is for the other half of the same action.
fn phrase(of: Of, amount: &str, next_alike: Option<Of>) -> (String, usize) {
    let (what, taken) = match of {
        Of::Gift => return (format!("{amount} attached"), 1),
        Of::Host(id) => (format!("`{}`", name_of(id)), 1),
        Of::Instructions => ("gas of an instruction".to_owned(), 1),
        Of::Sending(id) if next_alike == Some(Of::ExecutingLater(id)) => {
            (format!("`{}`", name_of(id)), 2)
        }
        Of::Sending(id) if next_alike == Some(Of::ExecutingNow(id)) => {
            (format!("`{}` (burnt as a whole)", name_of(id)), 2)
        }
        Of::Sending(id) => (format!("`{}` (sending)", name_of(id)), 1),
        Of::ExecutingNow(id) => (format!("`{}` (executing, burnt)", name_of(id)), 1),
        Of::ExecutingLater(id) => (format!("`{}` (executing)", name_of(id)), 1),
    };
    match amount {
        "1" => (what, taken),
        amount => (format!("{what} × {amount}"), taken),
    }
}
