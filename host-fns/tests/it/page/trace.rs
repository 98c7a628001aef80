//! [`trace`]: what a call charges and in which order, found by letting it burn one unit of gas more
//! each time, at prices of one. Nothing of it is written down anywhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use gas_meter::{Cost, CostId, CostKind, Gas, GasCounter};
use host_fns::abi::Host;
use host_fns::near::{Fee, Fees, cost};

use crate::guest::{Guest, PLENTY};
use crate::scene::Scene;

/// A charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) of: Of,
    pub(super) units: u64,
}

/// What a charge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A host cost, burnt.
    Host(CostId),
    /// The sending of an action, burnt.
    Sending(CostId),
    /// The execution of an action, burnt at once.
    ExecutingNow(CostId),
    /// The execution of an action, attached.
    ExecutingLater(CostId),
    /// Gas that a promise gets.
    Gift,
    /// Instructions.
    Instructions,
}

/// The fees of a scene: one for all, and more for one.
fn fees(raised: Option<(CostId, Side)>) -> Fees {
    let price = |side, name| {
        let raised = raised.is_some_and(|(id, of)| of == side && name_of(id) == name);
        Cost::of_gas(Gas::new(1 + u64::from(raised)))
    };
    Fees::new(|name| Fee {
        send_sir: price(Side::Send, name),
        send_not_sir: price(Side::Send, name),
        exec: price(Side::Exec, name),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Send,
    Exec,
}

/// What a call burns and attaches in all.
fn totals(scene: &Scene) -> [u64; 2] {
    let (guest, _) = scene.call();
    [guest.host.core.gas.burnt().units(), attached(&guest)]
}

fn attached(guest: &Guest) -> u64 {
    let gas = &guest.host.core.gas;
    gas.used().units() - gas.burnt().units()
}

/// The same call at prices of one.
pub(super) fn at_unit_prices(mut scene: Scene) -> Scene {
    scene.config.fees = fees(None);
    scene.config.regular_op_gas = 1;
    scene
}

/// Whether two calls charge differently in all.
pub(super) fn differ(one: &Scene, other: &Scene) -> bool {
    totals(one) != totals(other)
}

/// What a call charges, in order. Prices must be those of [`at_unit_prices`].
pub(super) fn trace(scene: &Scene) -> Vec<Charge> {
    let (steps, mut attached_last) = steps(scene);
    let mut parts = parts(scene);
    let mut charges = Vec::new();
    let own: Vec<CostId> = steps.iter().filter_map(|step| step.id).collect();
    for Step { id, mut burnt, mut attached } in steps {
        let mut here = Vec::new();
        if id.is_none_or(|id| kind_of(id) == CostKind::Host) {
            here.push((id.map_or(Of::Instructions, Of::Host), burnt));
            burnt = 0;
        }
        // An action's own parts come first, then those that are booked under it.
        let others = parts.keys().copied().filter(|other| !own.contains(other));
        let candidates: Vec<CostId> = id.into_iter().chain(others).collect();
        for id in candidates {
            let Some([sent, now, later]) = parts.get(&id).copied() else { continue };
            if sent + now > 0 && sent + now <= burnt && later <= attached {
                parts.remove(&id);
                burnt -= sent + now;
                attached -= later;
                here.push((Of::Sending(id), sent));
                here.push((Of::ExecutingNow(id), now));
                here.push((Of::ExecutingLater(id), later));
            }
        }
        assert_eq!(burnt, 0, "{}: a charge is not explained", scene.decl.name);
        charges.extend(only_attached(&mut parts, attached));
        charges.extend(here);
    }
    charges.extend(only_attached(&mut parts, std::mem::take(&mut attached_last)));
    assert!(parts.is_empty(), "{}: {parts:?}", scene.decl.name);
    let real = charges.into_iter().filter(|(_, units)| *units > 0);
    real.map(|(of, units)| Charge { of, units }).collect()
}

/// What is attached without being burnt: executions, or else gas for a promise.
fn only_attached(parts: &mut BTreeMap<CostId, [u64; 3]>, mut attached: u64) -> Vec<(Of, u64)> {
    let mut charges = Vec::new();
    parts.retain(|id, [sent, now, later]| {
        let here = *sent + *now == 0 && *later <= attached;
        if here {
            attached -= *later;
            charges.push((Of::ExecutingLater(*id), *later));
        }
        !here
    });
    charges.push((Of::Gift, attached));
    charges
}

/// Gas that is burnt under one id.
struct Step {
    /// `None` for instructions.
    id: Option<CostId>,
    burnt: u64,
    /// Gas that is attached together with this or since the last step.
    attached: u64,
}

/// The steps of a call, and what is attached after the last one. With a limit on what may be
/// burnt, a call ends inside the charge that goes beyond it, and counts the whole of that charge,
/// and everything before, as used.
fn steps(scene: &Scene) -> (Vec<Step>, u64) {
    let [total, attached] = totals(scene);
    let mut guest = scene.stage();
    let costs = Arc::clone(guest.host.core.gas.costs());
    let mut ends = Vec::new();
    for limit in 0..=total {
        let start = guest.host.checkpoint();
        guest.host.core.gas =
            GasCounter::new(Arc::clone(&costs), Gas::new(PLENTY), Gas::new(limit));
        let _ = guest.call(scene.decl.name, &scene.args);
        ends.push((guest.host.core.gas.used().units(), burnt(&guest)));
        guest.host.revert_to(start);
        guest.memory.clone_from(&scene.memory);
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut before = 0;
    for ([(used, was), (_, is)], at) in ends.array_windows().zip(0..) {
        let (id, _) = is.iter().find(|(id, units)| was.get(*id) < Some(units)).unwrap();
        if *used > before {
            steps.push(Step { id: *id, burnt: 0, attached: used - before });
            before = *used;
        }
        let step = steps.last_mut().unwrap();
        assert_eq!(step.id, *id, "{}: unit {at}", scene.decl.name);
        step.burnt += 1;
        step.attached -= 1;
    }
    (steps, total + attached - before)
}

/// What was burnt, by id.
fn burnt(guest: &Guest) -> BTreeMap<Option<CostId>, u64> {
    let profile = guest.host.core.gas.profile();
    let booked = profile.iter().map(|(id, gas)| (Some(id), gas.units()));
    booked.chain([(None, profile.wasm().units())]).filter(|(_, units)| *units > 0).collect()
}

/// By action, how often a call charges for its sending, for its execution at once, and attaches
/// its execution.
fn parts(scene: &Scene) -> BTreeMap<CostId, [u64; 3]> {
    let [burnt, attached] = totals(scene);
    let raised = |id, side| {
        let mut dearer = scene.clone();
        dearer.config.fees = fees(Some((id, side)));
        let [now, later] = totals(&dearer);
        [now - burnt, later - attached]
    };
    let ids = cost::ACTIONS.iter().map(|(id, _)| *id);
    ids.filter_map(|id| {
        let [sent, _] = raised(id, Side::Send);
        let [now, later] = raised(id, Side::Exec);
        (sent + now + later > 0).then_some((id, [sent, now, later]))
    })
    .collect()
}

/// The name of a cost.
pub(super) fn name_of(id: CostId) -> &'static str {
    cost::all().find(|(cost, _, _)| *cost == id).map(|(_, name, _)| name).unwrap()
}

fn kind_of(id: CostId) -> CostKind {
    cost::all().find(|(cost, _, _)| *cost == id).map(|(_, _, kind)| kind).unwrap()
}
