//! How an execution starts.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use gas_meter::Gas;
use host_fns::near::{AccountContract, Context, Mode, NearHost, PromiseResult, TrieNodes};

use crate::guest::{PLENTY, config, context};
use crate::scene::{NUMBERS, STORED_BYTES, TEXT, ZEROS};
use crate::world::World;

/// The host, and the account's balance with what came with the call.
pub(super) fn host(random: &mut Unstructured<'_>) -> (NearHost<World>, u128) {
    let (context, world) = circumstances(random).unwrap_or((context(), World::default()));
    let mut config = config();
    config.limits.max_storage_key_bytes = 64;
    let money = context.account_balance + context.attached_deposit;
    (NearHost::new(world, context, Arc::new(config)).unwrap(), money)
}

fn circumstances(random: &mut Unstructured<'_>) -> Result<(Context, World)> {
    let gas = if random.ratio(1, 4)? { random.int_in_range(0..=2_000)? } else { PLENTY };
    let gas = Gas::new(gas);
    let mode = if random.ratio(1, 6)? { Mode::View { max_gas_burnt: gas } } else { Mode::Call };
    let result = |random: &mut Unstructured<'_>| {
        Ok(match random.int_in_range(0..=3)? {
            0 => PromiseResult::NotReady,
            1 => PromiseResult::Failed,
            _ => PromiseResult::Successful(vec![5; random.int_in_range(0..=1_200)?].into()),
        })
    };
    let results = random.int_in_range(0..=3)?;
    let results = (0..results).map(|_| result(random)).collect::<Result<Vec<_>>>()?;
    let account_contract = match random.int_in_range(0..=3)? {
        0 => AccountContract::None,
        1 => AccountContract::Local([1; 32]),
        2 => AccountContract::Global([2; 32]),
        _ => AccountContract::GlobalByAccount("global.near".to_owned()),
    };
    let context = Context {
        mode,
        prepaid_gas: gas,
        promise_results: Arc::from(results),
        account_contract,
        input: vec![b'x'; random.int_in_range(0..=1_200)?].into(),
        account_balance: *random.choose(&[0, 1, 1_000, u128::MAX >> 1])?,
        attached_deposit: *random.choose(&[0, 1, 10])?,
        storage_usage: *random.choose(&[0, 300, u64::MAX])?,
        output_data_receivers: vec!["erin.near".to_owned(); random.int_in_range(0..=3)?],
        ..context()
    };
    let mut world = World {
        nodes: TrieNodes { touched: random.int_in_range(0..=3)?, cached: 1 },
        bytes_per_access: *random.choose(&[0, 1, 400_000])?,
        ..World::default()
    };
    world.storage.insert(b"bob".to_vec(), vec![7; STORED_BYTES]);
    Ok((context, world))
}

/// Calls that give later ones something to work on.
pub(super) const FIRST_CALLS: &[(&str, &[u64])] = &[
    ("write_register", &[0, 8, TEXT]),
    ("promise_batch_create", &[8, TEXT]),
    ("promise_batch_create", &[9, TEXT]),
    ("promise_and", &[NUMBERS, 2]),
    ("promise_batch_action_state_init", &[0, 32, ZEROS, ZEROS]),
];
