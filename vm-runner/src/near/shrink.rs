//! Smaller fixtures: whatever can be left out while engines still differ.

use std::sync::Arc;

use gas_meter::Gas;
use host_fns::near::Mode;

use super::data::Bytes;
use super::{Engines, Fixture, InvalidFixture, strip, topics};

/// Passes over all parts; each makes room for the others.
const ROUNDS: usize = 3;

/// A smaller `fixture` on which `engines` still differ: with fewer functions and data, less input
/// and state, and the least gas. `None` when they agree.
pub fn shrink(fixture: &Fixture, engines: Engines<'_>) -> Result<Option<Fixture>, InvalidFixture> {
    // What cannot be run is no smaller fixture; the one at the start has to.
    let differs = |fixture: &Fixture| fixture.run(engines()).map(|runs| !topics(&runs).is_empty());
    if !differs(fixture)? {
        return Ok(None);
    }
    let differs = |fixture: &Fixture| differs(fixture).unwrap_or(false);
    let mut smallest = fixture.clone();
    for _ in 0..ROUNDS {
        let before = smallest.clone();
        functions(&mut smallest, &differs);
        segments(&mut smallest, &differs);
        list(
            &mut smallest,
            &differs,
            |fixture| fixture.stored.clone(),
            |fixture, stored| {
                fixture.stored = stored;
            },
        );
        list(
            &mut smallest,
            &differs,
            |fixture| fixture.context.input.to_vec(),
            |fixture, input| {
                fixture.context.input = Arc::from(input);
            },
        );
        gas(&mut smallest, &differs);
        if smallest == before {
            break;
        }
    }
    let found = topics(&smallest.run(engines())?);
    smallest.differs_in = found.into_iter().map(str::to_owned).collect();
    Ok(Some(smallest))
}

fn functions(smallest: &mut Fixture, differs: &impl Fn(&Fixture) -> bool) {
    let Some(parts) = strip::parts(smallest.module()) else { return };
    let start = smallest.clone();
    keep(parts.functions, |kept| {
        let keeps = |at| kept.binary_search(&at).is_ok();
        accept(smallest, &start, differs, strip::strip(start.module(), keeps, |_| true))
    });
}

fn segments(smallest: &mut Fixture, differs: &impl Fn(&Fixture) -> bool) {
    let Some(parts) = strip::parts(smallest.module()) else { return };
    let start = smallest.clone();
    keep(parts.segments, |kept| {
        let keeps = |at| kept.binary_search(&at).is_ok();
        accept(smallest, &start, differs, strip::strip(start.module(), |_| true, keeps))
    });
}

/// Takes over `start` with another module if engines still differ.
fn accept(
    smallest: &mut Fixture,
    start: &Fixture,
    differs: &impl Fn(&Fixture) -> bool,
    module: Option<Vec<u8>>,
) -> bool {
    let Some(module) = module else { return false };
    let candidate = Fixture { module: Bytes(module), ..start.clone() };
    let accepted = differs(&candidate);
    if accepted {
        *smallest = candidate;
    }
    accepted
}

/// Leaves out elements of a list.
fn list<T: Clone>(
    smallest: &mut Fixture,
    differs: &impl Fn(&Fixture) -> bool,
    get: impl Fn(&Fixture) -> Vec<T>,
    set: impl Fn(&mut Fixture, Vec<T>),
) {
    let all = get(smallest);
    keep(all.len(), |kept| {
        let mut candidate = smallest.clone();
        set(&mut candidate, kept.iter().filter_map(|at| all.get(*at)).cloned().collect());
        let accepted = differs(&candidate);
        if accepted {
            *smallest = candidate;
        }
        accepted
    });
}

/// Finds elements out of `count` that have to be kept: tries to leave out ever smaller pieces.
fn keep(count: usize, mut works: impl FnMut(&[usize]) -> bool) {
    let mut kept: Vec<usize> = (0..count).collect();
    let mut piece = count;
    while piece > 0 {
        let mut start = 0;
        while start < kept.len() {
            let end = start.saturating_add(piece).min(kept.len());
            let mut fewer = kept.clone();
            fewer.drain(start..end);
            if works(&fewer) {
                kept = fewer;
            } else {
                start = end;
            }
        }
        piece = piece.checked_div(2).unwrap_or_default();
    }
}

/// The least gas with which engines differ, provided that they do with all that is more.
fn gas(smallest: &mut Fixture, differs: &impl Fn(&Fixture) -> bool) {
    let with = |fixture: &Fixture, gas: u64| {
        let mut candidate = fixture.clone();
        match &mut candidate.context.mode {
            Mode::Call => candidate.context.prepaid_gas = Gas::new(gas),
            Mode::View { max_gas_burnt } => *max_gas_burnt = Gas::new(gas),
        }
        candidate
    };
    let mut enough = match smallest.context.mode {
        Mode::Call => smallest.context.prepaid_gas.units(),
        Mode::View { max_gas_burnt } => max_gas_burnt.units(),
    };
    let mut too_little = 0;
    while too_little < enough {
        let middle = too_little.midpoint(enough);
        let candidate = with(smallest, middle);
        if differs(&candidate) {
            (*smallest, enough) = (candidate, middle);
        } else {
            too_little = middle.saturating_add(1);
        }
    }
}
