//! NEAR's own costs, from 256, and the complete list with the names of gas profiles: those of
//! near-parameters' `ExtCosts` and `ActionCosts` in upper case.

use gas_meter::{Cost, CostId, CostKind, CostRow, CostTable};

use crate::common::cost::{self as neutral, cost_ids};

cost_ids! {
    /// The costs of NEAR's own host functions.
    HOST:
    256 STORAGE_WRITE_BASE "Writing to storage."
    257 STORAGE_WRITE_KEY_BYTE "A byte of a key written to storage."
    258 STORAGE_WRITE_VALUE_BYTE "A byte of a value written to storage."
    259 STORAGE_WRITE_EVICTED_BYTE "A byte of a value that a write replaced."
    260 STORAGE_READ_BASE "Reading from storage."
    261 STORAGE_READ_KEY_BYTE "A byte of a key read from storage."
    262 STORAGE_READ_VALUE_BYTE "A byte of a value read from storage."
    263 STORAGE_REMOVE_BASE "Removing from storage."
    264 STORAGE_REMOVE_KEY_BYTE "A byte of a key removed from storage."
    265 STORAGE_REMOVE_RET_VALUE_BYTE "A byte of a value removed from storage."
    266 STORAGE_HAS_KEY_BASE "Looking for a key in storage."
    267 STORAGE_HAS_KEY_BYTE "A byte of a key looked for in storage."
    268 STORAGE_ITER_CREATE_PREFIX_BASE "Removed from NEAR; without a price."
    269 STORAGE_ITER_CREATE_PREFIX_BYTE "Removed from NEAR; without a price."
    270 STORAGE_ITER_CREATE_RANGE_BASE "Removed from NEAR; without a price."
    271 STORAGE_ITER_CREATE_FROM_BYTE "Removed from NEAR; without a price."
    272 STORAGE_ITER_CREATE_TO_BYTE "Removed from NEAR; without a price."
    273 STORAGE_ITER_NEXT_BASE "Removed from NEAR; without a price."
    274 STORAGE_ITER_NEXT_KEY_BYTE "Removed from NEAR; without a price."
    275 STORAGE_ITER_NEXT_VALUE_BYTE "Removed from NEAR; without a price."
    276 STORAGE_LARGE_READ_OVERHEAD_BASE "Reading a value that is not inlined in the state."
    277 STORAGE_LARGE_READ_OVERHEAD_BYTE "A byte of a value that is not inlined in the state."
    278 TOUCHING_TRIE_NODE "Reading a trie node for the first time."
    279 READ_CACHED_TRIE_NODE "Reading a trie node again."
    280 PROMISE_AND_BASE "Joining promises."
    281 PROMISE_AND_PER_PROMISE "A byte of the list of joined promises."
    282 PROMISE_RETURN "Returning a promise."
    283 VALIDATOR_STAKE_BASE "Looking up a validator's stake."
    284 VALIDATOR_TOTAL_STAKE_BASE "Looking up the total stake."
    285 YIELD_CREATE_BASE "Yielding a promise."
    286 YIELD_CREATE_BYTE "A byte of a yielded promise's method and arguments."
    287 YIELD_CREATE_WITH_ID_BASE "Yielding a promise under a chosen id."
    288 YIELD_RESUME_BASE "Resuming a yielded promise."
    289 YIELD_RESUME_BYTE "A byte of the payload that resumes a yielded promise."
    290 UNIVERSAL_STATE_INIT_TO_ACCOUNT_ID_BASE "Deriving a universal account id."
    291 UNIVERSAL_STATE_INIT_TO_ACCOUNT_ID_BYTE "A byte of the state that an id is derived from."
}

cost_ids! {
    /// The costs of actions, whose prices are [`Fee`](super::Fee)s. Ids are consecutive.
    ACTIONS:
    512 CREATE_ACCOUNT "Creating an account."
    513 DELETE_ACCOUNT "Deleting an account."
    514 DEPLOY_CONTRACT_BASE "Deploying a contract."
    515 DEPLOY_CONTRACT_BYTE "A byte of a deployed contract."
    516 FUNCTION_CALL_BASE "Calling a function."
    517 FUNCTION_CALL_BYTE "A byte of a function's name and arguments."
    518 TRANSFER "Transferring tokens."
    519 STAKE "Staking."
    520 ADD_FULL_ACCESS_KEY "Adding a key with full access."
    521 ADD_FUNCTION_CALL_KEY_BASE "Adding a key for function calls."
    522 ADD_FUNCTION_CALL_KEY_BYTE "A byte of the method names of a key for function calls."
    523 DELETE_KEY "Deleting a key."
    524 NEW_ACTION_RECEIPT "Making an action receipt."
    525 NEW_DATA_RECEIPT_BASE "Making a data receipt."
    526 NEW_DATA_RECEIPT_BYTE "A byte of a data receipt."
    527 DELEGATE "Acting for another account."
    528 DEPLOY_GLOBAL_CONTRACT_BASE "Deploying a global contract."
    529 DEPLOY_GLOBAL_CONTRACT_BYTE "A byte of a deployed global contract."
    530 USE_GLOBAL_CONTRACT_BASE "Using a global contract."
    531 USE_GLOBAL_CONTRACT_BYTE "A byte of a used global contract's identifier."
    532 DETERMINISTIC_STATE_INIT_BASE "Initializing a deterministic account."
    533 DETERMINISTIC_STATE_INIT_BYTE "A byte of a deterministic account's data."
    534 DETERMINISTIC_STATE_INIT_ENTRY "An entry of a deterministic account's data."
    535 GAS_KEY_TRANSFER_BASE "Transferring tokens to a gas key."
    536 GAS_KEY_BYTE "A byte of a gas key's record."
    537 GAS_KEY_NONCE_WRITE_BASE "Writing a nonce of a gas key."
    538 UNIVERSAL_STATE_INIT_BASE "Initializing a universal account."
    539 UNIVERSAL_STATE_INIT_BYTE "A byte of a universal account's state."
    540 UNIVERSAL_STATE_INIT_ENTRY "An entry of a universal account's state."
}

/// The id of the first action.
pub(super) const FIRST_ACTION: CostId = CREATE_ACCOUNT;

/// All costs of NEAR: id, name in gas profiles, kind.
pub fn all() -> impl Iterator<Item = (CostId, &'static str, CostKind)> {
    let host = neutral::ALL.iter().chain(HOST).map(|(id, name)| (*id, *name, CostKind::Host));
    let actions = ACTIONS.iter().map(|(id, name)| (*id, *name, CostKind::Action));
    host.chain(actions)
}

/// NEAR's names of the fees of actions (near-parameters' `FeeParameter`), in the order of
/// [`ACTIONS`].
const ACTION_PARAMETERS: &[&str] = &[
    "action_create_account",
    "action_delete_account",
    "action_deploy_contract",
    "action_deploy_contract_per_byte",
    "action_function_call",
    "action_function_call_per_byte",
    "action_transfer",
    "action_stake",
    "action_add_full_access_key",
    "action_add_function_call_key",
    "action_add_function_call_key_per_byte",
    "action_delete_key",
    "action_receipt_creation",
    "data_receipt_creation_base",
    "data_receipt_creation_per_byte",
    "action_delegate",
    "action_deploy_global_contract",
    "action_deploy_global_contract_per_byte",
    "action_use_global_contract",
    "action_use_global_contract_per_identifier_byte",
    "action_deterministic_state_init",
    "action_deterministic_state_init_per_byte",
    "action_deterministic_state_init_per_entry",
    "action_gas_key_transfer",
    "action_gas_key_byte",
    "action_gas_key_nonce_write_base",
    "action_universal_state_init",
    "action_universal_state_init_per_byte",
    "action_universal_state_init_per_entry",
];

/// NEAR's name for the price of a cost, as lists of its parameters have it: `wasm_sha256_base`,
/// `action_transfer`. An action has three prices, which such lists tell apart by suffixes.
pub fn parameter(id: CostId) -> Option<String> {
    let place = ACTIONS.iter().position(|(action, _)| *action == id);
    match place {
        Some(place) => ACTION_PARAMETERS.get(place).map(|name| (*name).to_owned()),
        None => all()
            .find(|(cost, ..)| *cost == id)
            .map(|(_, name, _)| format!("wasm_{}", name.to_ascii_lowercase())),
    }
}

/// The table of all costs; `price` gives the price of a host cost by its name. Actions have no
/// price in the table: theirs are in [`Fees`](super::Fees).
pub fn table(mut price: impl FnMut(&'static str) -> Cost) -> CostTable {
    CostTable::new(all().map(|(id, name, kind)| {
        let cost = match kind {
            CostKind::Host => price(name),
            CostKind::Action => Cost::default(),
        };
        CostRow { id, name, kind, cost }
    }))
}
