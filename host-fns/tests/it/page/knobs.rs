//! What a charge can depend on: quantities that a scene has, each with a way to have more of it,
//! and conditions, each with a way not to meet it.

use std::sync::Arc;

use host_fns::near::{AccountContract, PromiseResult, TrieNodes};

use crate::scene::{
    FILE_NAME, IMPLICIT, LONG_KEY, MESSAGE, NO_TEXT, NUMBERS, ONES, STORED_BYTES, Scene, TEXT,
    ZEROS,
};
use crate::survey::pointer_of;

/// A quantity.
pub(super) struct Knob {
    pub(super) name: String,
    /// How much a scene has of it.
    pub(super) base: u64,
    /// How much more can be tried.
    pub(super) moves: Vec<u64>,
    pub(super) turn: Turn,
}

type Turn = Box<dyn Fn(&mut Scene, u64)>;

fn knob(name: &str, base: u64, moves: &[u64], turn: impl Fn(&mut Scene, u64) + 'static) -> Knob {
    Knob { name: name.to_owned(), base, moves: moves.to_vec(), turn: Box::new(turn) }
}

/// A scene that a function charges most in.
pub(super) fn full_scene(scene: Scene) -> Scene {
    let mut scene = scene;
    scene.set("gas", 7);
    scene.world.nodes = TrieNodes { touched: 1, cached: 1 };
    scene.context.output_data_receivers = vec!["bob.near".to_owned()];
    scene.context.account_contract = AccountContract::GlobalByAccount("global.near".to_owned());
    if scene.decl.name == "promise_batch_action_transfer" {
        receive(&mut scene, IMPLICIT[0]);
    }
    scene
}

/// Gives the first promise another receiver.
fn receive(scene: &mut Scene, [len, ptr]: [u64; 2]) {
    for (name, args) in &mut scene.before {
        if *name == "promise_batch_create" {
            *args = vec![len, ptr];
        }
    }
}

/// The quantities that a charge may depend on.
pub(super) fn knobs(scene: &Scene) -> Vec<Knob> {
    let mut knobs: Vec<Knob> =
        scene.decl.params.iter().filter_map(|(name, _)| parameter(scene, name)).collect();
    knobs.extend(context());
    knobs.extend(surroundings());
    knobs
}

/// A parameter that is a length or a number of something.
fn parameter(scene: &Scene, name: &'static str) -> Option<Knob> {
    let base = scene.arg(name)?;
    let label = format!("`{name}`");
    if name == "public_key_len" {
        return Some(knob(&label, base, &[32], |scene, _| {
            scene.set("public_key_len", 65);
            scene.set("public_key_ptr", LONG_KEY);
        }));
    }
    if name == "key_len" {
        return Some(knob(&label, base, &[1], move |scene, more| {
            let longer = base + more;
            scene.set(name, longer);
            // What is stored stays under the key.
            if let Some((_, value)) = scene.world.storage.pop_first() {
                let key = scene.memory[TEXT as usize..][..longer as usize].to_vec();
                scene.world.storage.insert(key, value);
            }
        }));
    }
    if name == "value_len" {
        // Twice as much is the same elements once more.
        let at = scene.args[pointer_of(scene.decl, name)?] as usize;
        return Some(knob(&label, base, &[1, 2, base, 64], move |scene, more| {
            scene.set(name, base + more);
            if more == base {
                scene.memory.copy_within(at..at + base as usize, at + base as usize);
            }
        }));
    }
    let counts = ["gas", "opcodes", "num_nonces", "promise_idx_count"].contains(&name);
    (counts || name.ends_with("len")).then(|| {
        knob(&label, base, &[1, 2, base, 64], move |scene, more| scene.set(name, base + more))
    })
}

/// What a call is told about itself.
fn context() -> Vec<Knob> {
    fn longer(text: &mut String, by: u64) {
        text.push_str(&"x".repeat(by as usize));
    }
    vec![
        knob("len(current account)", 10, &[1], |scene, by| {
            longer(&mut scene.context.current_account_id, by);
        }),
        knob("len(signer)", 10, &[1], |scene, by| {
            longer(&mut scene.context.signer_account_id, by);
        }),
        knob("len(key)", 33, &[1], |scene, by| {
            let key = &mut scene.context.signer_public_key;
            key.resize(key.len() + by as usize, 0);
        }),
        knob("len(predecessor)", 8, &[1], |scene, by| {
            longer(&mut scene.context.predecessor_account_id, by);
        }),
        knob("len(refund account)", 9, &[1], |scene, by| {
            longer(&mut scene.context.refund_to_account_id, by);
        }),
        knob("len(hash or account)", 11, &[1], |scene, by| {
            if let AccountContract::GlobalByAccount(account) = &mut scene.context.account_contract {
                longer(account, by);
            }
        }),
        knob("len(name)", 8, &[1], |scene, _| scene.world.chain_id = "localnet2"),
        knob("len(seed)", 32, &[1], |scene, by| {
            let seed = &mut scene.context.random_seed;
            seed.resize(seed.len() + by as usize, 0);
        }),
        knob("accounts that wait for the result", 1, &[1], |scene, _| {
            scene.context.output_data_receivers.push("erin.near".to_owned());
        }),
    ]
}

/// What was there before a call.
fn surroundings() -> Vec<Knob> {
    vec![
        knob("len(register)", 4, &[1], |scene, by| {
            for (name, args) in &mut scene.before {
                if *name == "write_register" {
                    args[1] += by;
                }
            }
        }),
        knob("len(stored value)", STORED_BYTES as u64, &[1], |scene, by| {
            for value in scene.world.storage.values_mut() {
                value.resize(value.len() + by as usize, 0);
            }
        }),
        knob("trie nodes read", 1, &[1], |scene, by| scene.world.nodes.touched += by),
        knob("trie nodes read again", 1, &[1], |scene, by| scene.world.nodes.cached += by),
        knob("promises waited for", 1, &[1], |scene, _| {
            scene.before.push(("promise_batch_create", vec![8, TEXT]));
            scene.before.push(("promise_and", vec![NUMBERS, 2]));
            scene.set("promise_index", 2);
        }),
        knob("len(receiver)", 8, &[1], |scene, by| receive(scene, [8 + by, TEXT])),
        knob("storage entries", 4, &[1], |scene, by| scene.world.counts.entries += by),
        knob("access keys", 2, &[1], |scene, by| scene.world.counts.keys += by),
        knob("len(message)", 2, &[2], |scene, _| scene.memory[MESSAGE as usize - 4] = 4),
        knob("len(file name)", 2, &[2], |scene, _| {
            scene.memory[FILE_NAME as usize - 4] = 4;
        }),
    ]
}

/// Makes the UTF-16 text in the scene's memory longer in UTF-8.
pub(super) fn widen_text(scene: &mut Scene) {
    for unit in scene.memory[MESSAGE as usize..][..32].as_chunks_mut::<2>().0 {
        *unit = [0, 1];
    }
}

/// A condition of a charge, and what makes it fail. Narrower ones are first.
pub(super) type Condition = (&'static str, fn(&mut Scene));

const WELL_FORMED: &str = "if the signature is well-formed";

pub(super) const CONDITIONS: &[Condition] = &[
    ("if the value is not inlined in the state", |scene| {
        scene.world.storage.values_mut().for_each(|value| value.truncate(5));
    }),
    ("if there was a value", |scene| scene.world.storage.clear()),
    ("if the account has code", |scene| scene.context.account_contract = AccountContract::None),
    ("if the promise gave a value", |scene| {
        scene.context.promise_results = Arc::new([PromiseResult::Failed]);
    }),
    ("if the state is valid", |scene| scene.set("state_init_ptr", ONES)),
    ("if there is such a key", |scene| {
        if scene.place("v").is_some() {
            scene.set("sig_ptr", ZEROS);
        }
    }),
    (WELL_FORMED, |scene| scene.set("sig_ptr", ZEROS)),
    (WELL_FORMED, |scene| scene.set("sig_ptr", NO_TEXT)),
    ("if the id of the receiver is a key", |scene| {
        if scene.decl.name == "promise_batch_action_transfer" {
            receive(scene, IMPLICIT[1]);
        }
    }),
    ("if a transfer creates the receiver", |scene| receive(scene, [8, TEXT])),
];
