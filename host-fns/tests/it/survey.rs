//! [`errors`]: how each function can end, found by calling it with every argument in turn wrong in
//! every way we know, in good and in bad circumstances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use host_fns::abi::{AbiType, Host, HostFnDecl};
use host_fns::near::NearError;

use crate::guest::{Guest, MEMORY_BYTES, PLENTY, functions};
use crate::scene::{COMMAS, NO_TEXT, NUMBERS, ONES, Scene, TEXT, ZEROS, refill};

/// The errors of a function by their names.
pub(crate) type Errors = BTreeMap<&'static str, BTreeSet<String>>;

/// The errors that each function was seen to end with.
pub(crate) fn errors() -> &'static Errors {
    static ERRORS: OnceLock<Errors> = OnceLock::new();
    ERRORS.get_or_init(|| {
        functions().iter().map(|function| (function.decl.name, of(&function.decl))).collect()
    })
}

/// The name of an error's variant.
pub(crate) fn name(error: &NearError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap().to_owned()
}

fn of(decl: &'static HostFnDecl) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut note = |result: Result<u64, NearError>| {
        if let Err(error) = result {
            seen.insert(name(&error));
        }
    };
    let good = Scene::new(decl);
    note(good.call_with(1).1);
    let mut guest = good.stage();
    for args in single_mistakes(&good).into_iter().chain(pairs_of_mistakes(&good)) {
        note(attempt(&mut guest, &good, &args));
    }
    for scene in bad_circumstances(&good) {
        let mut guest = scene.stage();
        for args in single_mistakes(&scene) {
            note(attempt(&mut guest, &scene, &args));
        }
    }
    seen
}

/// One call, after which all is as before.
fn attempt(guest: &mut Guest, scene: &Scene, args: &[u64]) -> Result<u64, NearError> {
    let start = guest.host.checkpoint();
    refill(guest, PLENTY);
    let result = guest.call(scene.decl.name, args);
    guest.host.revert_to(start);
    guest.memory.clone_from(&scene.memory);
    result
}

/// Numbers at the edges of something: of nothing, of the memory, of the limits of the tests'
/// configuration, of the types.
pub(crate) const EDGES: &[u64] = &[
    0,
    1,
    2,
    3,
    4,
    7,
    11,
    31,
    33,
    64,
    65,
    66,
    101,
    201,
    501,
    1_025,
    MEMORY_BYTES as u64 - 1,
    MEMORY_BYTES as u64,
    MEMORY_BYTES as u64 + 1,
    65_536,
    u32::MAX as u64,
    1 << 32,
    1 << 61,
    u64::MAX >> 1,
    u64::MAX - 1,
    u64::MAX,
];

/// Places in the guest's memory that hold different things.
pub(crate) const PLACES: &[u64] = &[TEXT, COMMAS, NO_TEXT, NUMBERS, ONES, ZEROS];

/// The arguments with one of them at each edge, and at each place.
fn single_mistakes(scene: &Scene) -> Vec<Vec<u64>> {
    let mut all = vec![scene.args.clone()];
    for at in 0..scene.args.len() {
        let places: &[u64] = if scene.decl.params[at].0.ends_with("ptr") { PLACES } else { &[] };
        for value in EDGES.iter().chain(places) {
            all.push(with(scene, &[(at, *value)]));
        }
    }
    all
}

/// The arguments with a length at each edge and its pointer at each place.
fn pairs_of_mistakes(scene: &Scene) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    for (at, (name, _)) in scene.decl.params.iter().enumerate() {
        let Some(pointer) = pointer_of(scene.decl, name) else { continue };
        for len in EDGES {
            for place in PLACES {
                all.push(with(scene, &[(at, *len), (pointer, *place)]));
            }
        }
    }
    all
}

/// The place of the pointer that a length belongs to.
pub(crate) fn pointer_of(decl: &HostFnDecl, len: &str) -> Option<usize> {
    let pointer = match len {
        "promise_idx_count" => "promise_idx_ptr".to_owned(),
        len => format!("{}ptr", len.strip_suffix("len")?),
    };
    decl.params.iter().position(|(name, _)| *name == pointer)
}

/// The arguments of a scene with some of them replaced, cut to their types.
fn with(scene: &Scene, replaced: &[(usize, u64)]) -> Vec<u64> {
    let mut args = scene.args.clone();
    for (at, value) in replaced {
        let cut = scene.decl.params[*at].1 == AbiType::U32;
        args[*at] = if cut { value & u64::from(u32::MAX) } else { *value };
    }
    args
}

/// The same call where something else is in its way.
fn bad_circumstances(good: &Scene) -> Vec<Scene> {
    let after = |calls: &[(&'static str, &[u64])]| {
        let mut scene = good.clone();
        scene.before.extend(calls.iter().map(|(name, args)| (*name, args.to_vec())));
        scene
    };
    let mut poor = good.clone();
    poor.context.account_balance = 0;
    poor.context.attached_deposit = 0;
    let mut far_away = good.clone();
    far_away.world.bytes_per_access = good.config.limits.max_storage_proof_bytes + 1;
    let create: (&'static str, &[u64]) = ("promise_batch_create", &[8, TEXT]);
    let log: (&'static str, &[u64]) = ("log_utf8", &[6, TEXT]);
    let long_log: (&'static str, &[u64]) = ("log_utf8", &[200, ZEROS]);
    let mut scenes = vec![
        good.clone().in_view(),
        poor,
        far_away,
        after(&[log; 3]),
        after(&[long_log]),
        after(&[create; 5]),
        after(&[create, ("promise_and", &[NUMBERS, 2])]),
    ];
    let registers: Vec<_> = (1..8).map(|id| ("write_register", vec![id, 4, TEXT])).collect();
    let mut full = good.clone();
    full.before.extend(registers);
    scenes.push(full);
    if good.decl.name == "set_state_init_data_entry" {
        let mut repeated = good.clone();
        repeated.before.push((good.decl.name, good.args.clone()));
        scenes.push(repeated);
    }
    scenes
}
