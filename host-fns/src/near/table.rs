//! The list of all functions that a contract on NEAR may import. Everything that enumerates them
//! starts here: linkers, the import check, `docs/host-functions.md`, generated tests.

use super::feature::{
    CHAIN_ID, GAS_KEYS, GLOBAL_CONTRACTS, ML_DSA, P256, SANDBOX, SHA3, UNIVERSAL_ACCOUNTS,
    YIELD_WITH_ID,
};
use super::host::NearHost;
use super::{External, actions, economics, env, keys, promises, state_init, storage};
use crate::abi::HostFn;
use crate::common::{logs, registers};
use crate::crypto::{bls12381, bn254, ed25519, hash, ml_dsa, p256, secp256k1, signature};
use crate::host_fn_table;

/// NEAR's imports.
#[allow(clippy::too_many_lines, reason = "a flat table reads best in one piece")]
pub(super) const fn functions<X: External>() -> &'static [HostFn<NearHost<X>>] {
    const {
        host_fn_table! {
            module "env";

            group "Registers";

            /// Copies a register to memory.
            core read_register(register_id: u64, ptr: u64) = registers::read_register;
            /// The length of a register in bytes, or `u64::MAX` when it was never written.
            core register_len(register_id: u64) -> u64 = registers::register_len;
            /// Copies memory to a register.
            core write_register(register_id: u64, data_len: u64, data_ptr: u64)
                = registers::write_register;

            group "Context";

            /// Puts the account whose contract runs to a register.
            host current_account_id(register_id: u64) = env::current_account_id;
            /// Puts the name of the chain to a register.
            #[feature(CHAIN_ID)]
            host chain_id(register_id: u64) = env::chain_id;
            /// Puts the account that signed the transaction to a register.
            host signer_account_id(register_id: u64) = env::signer_account_id;
            /// Puts the key that signed the transaction, in borsh, to a register.
            host signer_account_pk(register_id: u64) = env::signer_account_pk;
            /// Puts the account that sent the receipt to a register.
            host predecessor_account_id(register_id: u64) = env::predecessor_account_id;
            /// Puts the account that gets refunds of balance to a register.
            host refund_to_account_id(register_id: u64) = env::refund_to_account_id;
            /// Puts the arguments of the call to a register.
            host input(register_id: u64) = env::input;
            /// The height of the block.
            host block_index() -> u64 = env::block_index;
            /// The block's time in nanoseconds since 1970.
            host block_timestamp() -> u64 = env::block_timestamp;
            /// The number of the epoch.
            host epoch_height() -> u64 = env::epoch_height;
            /// Bytes of storage that the account uses.
            host storage_usage() -> u64 = env::storage_usage;
            /// Where the account's code comes from: 0 nowhere, 1 deployed here, 2 a global
            /// contract by hash, 3 a global contract by account. The hash or account goes to a
            /// register.
            host current_contract_code(register_id: u64) -> u64 = env::current_contract_code;

            group "Economics";

            /// Writes the account's balance, with the attached deposit, as 128 bits.
            host account_balance(balance_ptr: u64) = economics::account_balance;
            /// Writes the account's staked balance as 128 bits.
            host account_locked_balance(balance_ptr: u64) = economics::account_locked_balance;
            /// Writes the balance that came with the call as 128 bits.
            host attached_deposit(balance_ptr: u64) = economics::attached_deposit;
            /// The gas that came with the call.
            host prepaid_gas() -> u64 = economics::prepaid_gas;
            /// Gas burnt or attached to promises so far.
            host used_gas() -> u64 = economics::used_gas;

            group "Validators";

            /// Writes a validator's stake as 128 bits, zero when the account is not one.
            host validator_stake(account_id_len: u64, account_id_ptr: u64, stake_ptr: u64)
                = economics::validator_stake;
            /// Writes the stake of all validators as 128 bits.
            host validator_total_stake(stake_ptr: u64) = economics::validator_total_stake;

            group "Math";

            /// Puts the block's random seed to a register.
            host random_seed(register_id: u64) = env::random_seed;
            /// SHA-256 of a value, to a register.
            core sha256(value_len: u64, value_ptr: u64, register_id: u64) = hash::sha256;
            /// Keccak-256 of a value, to a register.
            core keccak256(value_len: u64, value_ptr: u64, register_id: u64) = hash::keccak256;
            /// Keccak-512 of a value, to a register.
            core keccak512(value_len: u64, value_ptr: u64, register_id: u64) = hash::keccak512;
            /// SHA3-256 of a value, to a register.
            #[feature(SHA3)]
            core sha3_256(value_len: u64, value_ptr: u64, register_id: u64) = hash::sha3_256;
            /// SHA3-384 of a value, to a register.
            #[feature(SHA3)]
            core sha3_384(value_len: u64, value_ptr: u64, register_id: u64) = hash::sha3_384;
            /// SHA3-512 of a value, to a register.
            #[feature(SHA3)]
            core sha3_512(value_len: u64, value_ptr: u64, register_id: u64) = hash::sha3_512;
            /// RIPEMD-160 of a value, to a register.
            core ripemd160(value_len: u64, value_ptr: u64, register_id: u64) = hash::ripemd160;
            /// Whether an Ed25519 signature is valid: 1 or 0.
            core ed25519_verify(
                sig_len: u64, sig_ptr: u64,
                msg_len: u64, msg_ptr: u64,
                pub_key_len: u64, pub_key_ptr: u64,
            ) -> u64 = signature::verify::<ed25519::Ed25519>;
            /// Whether an ECDSA signature over P-256, of a message that is a digest, is valid: 1
            /// or 0.
            #[feature(P256)]
            core p256_verify(
                sig_len: u64, sig_ptr: u64,
                msg_len: u64, msg_ptr: u64,
                pub_key_len: u64, pub_key_ptr: u64,
            ) -> u64 = signature::verify::<p256::P256>;
            /// Whether an ML-DSA-65 signature (FIPS 204, without a context) is valid: 1 or 0.
            #[feature(ML_DSA)]
            core ml_dsa_verify(
                sig_len: u64, sig_ptr: u64,
                msg_len: u64, msg_ptr: u64,
                pub_key_len: u64, pub_key_ptr: u64,
            ) -> u64 = signature::verify::<ml_dsa::MlDsa65>;
            /// Recovers the secp256k1 key that signed a digest. 1 if there is one, which goes to
            /// a register.
            core ecrecover(
                hash_len: u64, hash_ptr: u64,
                sig_len: u64, sig_ptr: u64,
                v: u64, malleability_flag: u64, register_id: u64,
            ) -> u64 = secp256k1::ecrecover;
            /// The sum of points of `alt_bn128`, each multiplied by a scalar, to a register.
            core alt_bn128_g1_multiexp(value_len: u64, value_ptr: u64, register_id: u64)
                = bn254::alt_bn128_g1_multiexp;
            /// The sum of points of `alt_bn128`, each with a sign, to a register.
            core alt_bn128_g1_sum(value_len: u64, value_ptr: u64, register_id: u64)
                = bn254::alt_bn128_g1_sum;
            /// Whether the product of pairings of points of `alt_bn128` is one: 1 or 0.
            core alt_bn128_pairing_check(value_len: u64, value_ptr: u64) -> u64
                = bn254::alt_bn128_pairing_check;
            /// The sum of points of BLS12-381 over the base field, each with a sign, to a register:
            /// 0, or 1 when one is not a point of the curve.
            core bls12381_p1_sum(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_p1_sum;
            /// The same over the extension field.
            core bls12381_p2_sum(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_p2_sum;
            /// The sum of points of BLS12-381's G1, each multiplied by a scalar, to a register: 0,
            /// or 1 when one is not a point of G1.
            core bls12381_g1_multiexp(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_g1_multiexp;
            /// The same in G2.
            core bls12381_g2_multiexp(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_g2_multiexp;
            /// Maps numbers of BLS12-381's base field to points of G1, to a register: 0, or 1 when
            /// one is not below the field's prime.
            core bls12381_map_fp_to_g1(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_map_fp_to_g1;
            /// The same from the extension field to G2.
            core bls12381_map_fp2_to_g2(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_map_fp2_to_g2;
            /// Whether the product of pairings of points of BLS12-381 is one: 0 if it is, 2 if it is
            /// not, 1 when one is not a point of G1 and G2.
            core bls12381_pairing_check(value_len: u64, value_ptr: u64) -> u64
                = bls12381::bls12381_pairing_check;
            /// Writes compressed points of BLS12-381 over the base field out, to a register: 0, or 1
            /// when one is not a point of the curve.
            core bls12381_p1_decompress(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_p1_decompress;
            /// The same over the extension field.
            core bls12381_p2_decompress(value_len: u64, value_ptr: u64, register_id: u64) -> u64
                = bls12381::bls12381_p2_decompress;

            group "Output";

            /// Sets the value that the call returns.
            host value_return(value_len: u64, value_ptr: u64) = env::value_return;
            /// Ends the call as failed.
            core panic() = logs::panic;
            /// Ends the call as failed with a UTF-8 message.
            core panic_utf8(len: u64, ptr: u64) = logs::panic_utf8;
            /// Logs UTF-8 text.
            core log_utf8(len: u64, ptr: u64) = logs::log_utf8;
            /// Logs UTF-16 text.
            core log_utf16(len: u64, ptr: u64) = logs::log_utf16;
            /// Ends the call as `AssemblyScript` does: message and file name are UTF-16 with their
            /// length in front.
            core abort(msg_ptr: u32, filename_ptr: u32, line: u32, col: u32) = logs::abort;
            /// Writes UTF-8 text to the sandbox's own log, free and without effect on the chain.
            #[feature(SANDBOX)]
            host sandbox_debug_log(len: u64, ptr: u64) = env::sandbox_debug_log;

            group "Promises";

            /// Makes a promise of a function call. Returns its number.
            host promise_create(
                account_id_len: u64, account_id_ptr: u64,
                method_name_len: u64, method_name_ptr: u64,
                arguments_len: u64, arguments_ptr: u64,
                amount_ptr: u64, gas: u64,
            ) -> u64 = promises::promise_create;
            /// Makes a promise of a function call that waits for another promise.
            host promise_then(
                promise_index: u64,
                account_id_len: u64, account_id_ptr: u64,
                method_name_len: u64, method_name_ptr: u64,
                arguments_len: u64, arguments_ptr: u64,
                amount_ptr: u64, gas: u64,
            ) -> u64 = promises::promise_then;
            /// Joins promises: a list of 64-bit numbers.
            host promise_and(promise_idx_ptr: u64, promise_idx_count: u64) -> u64
                = promises::promise_and;
            /// Makes an empty promise, to be filled with actions.
            host promise_batch_create(account_id_len: u64, account_id_ptr: u64) -> u64
                = promises::promise_batch_create;
            /// Makes an empty promise that waits for another promise.
            host promise_batch_then(
                promise_index: u64, account_id_len: u64, account_id_ptr: u64,
            ) -> u64 = promises::promise_batch_then;
            /// Sends a promise's refunds of balance to another account.
            host promise_set_refund_to(
                promise_index: u64, account_id_len: u64, account_id_ptr: u64,
            ) = promises::promise_set_refund_to;
            /// How many promises the call waited for.
            host promise_results_count() -> u64 = promises::promise_results_count;
            /// How a promise ended: 1 with a value, which goes to a register, 2 failed.
            host promise_result(result_idx: u64, register_id: u64) -> u64
                = promises::promise_result;
            /// Lets a promise stand for the result of the call.
            host promise_return(promise_idx: u64) = promises::promise_return;

            group "Actions of promises";

            /// Adds the creation of the receiver.
            host promise_batch_action_create_account(promise_index: u64)
                = actions::promise_batch_action_create_account;
            /// Adds the deployment of code.
            host promise_batch_action_deploy_contract(
                promise_index: u64, code_len: u64, code_ptr: u64,
            ) = actions::promise_batch_action_deploy_contract;
            /// Adds the deployment of a global contract, named by its hash.
            #[feature(GLOBAL_CONTRACTS)]
            host promise_batch_action_deploy_global_contract(
                promise_index: u64, code_len: u64, code_ptr: u64,
            ) = actions::promise_batch_action_deploy_global_contract;
            /// Adds the deployment of a global contract, named by the receiver.
            #[feature(GLOBAL_CONTRACTS)]
            host promise_batch_action_deploy_global_contract_by_account_id(
                promise_index: u64, code_len: u64, code_ptr: u64,
            ) = actions::promise_batch_action_deploy_global_contract_by_account_id;
            /// Adds the use of a global contract by its hash.
            #[feature(GLOBAL_CONTRACTS)]
            host promise_batch_action_use_global_contract(
                promise_index: u64, code_hash_len: u64, code_hash_ptr: u64,
            ) = actions::promise_batch_action_use_global_contract;
            /// Adds the use of a global contract by its deployer.
            #[feature(GLOBAL_CONTRACTS)]
            host promise_batch_action_use_global_contract_by_account_id(
                promise_index: u64, account_id_len: u64, account_id_ptr: u64,
            ) = actions::promise_batch_action_use_global_contract_by_account_id;
            /// Adds a function call with a fixed amount of gas.
            host promise_batch_action_function_call(
                promise_index: u64,
                method_name_len: u64, method_name_ptr: u64,
                arguments_len: u64, arguments_ptr: u64,
                amount_ptr: u64, gas: u64,
            ) = actions::promise_batch_action_function_call;
            /// Adds a function call that also gets a share of the gas left at the end of this
            /// call, by weight.
            host promise_batch_action_function_call_weight(
                promise_index: u64,
                method_name_len: u64, method_name_ptr: u64,
                arguments_len: u64, arguments_ptr: u64,
                amount_ptr: u64, gas: u64, gas_weight: u64,
            ) = actions::promise_batch_action_function_call_weight;
            /// Adds a transfer.
            host promise_batch_action_transfer(promise_index: u64, amount_ptr: u64)
                = actions::promise_batch_action_transfer;
            /// Adds a stake.
            host promise_batch_action_stake(
                promise_index: u64, amount_ptr: u64, public_key_len: u64, public_key_ptr: u64,
            ) = keys::promise_batch_action_stake;
            /// Adds a key with full access.
            host promise_batch_action_add_key_with_full_access(
                promise_index: u64, public_key_len: u64, public_key_ptr: u64, nonce: u64,
            ) = keys::promise_batch_action_add_key_with_full_access;
            /// Adds a key for function calls: an allowance of zero is no bound, method names are
            /// separated by commas.
            host promise_batch_action_add_key_with_function_call(
                promise_index: u64,
                public_key_len: u64, public_key_ptr: u64,
                nonce: u64, allowance_ptr: u64,
                receiver_id_len: u64, receiver_id_ptr: u64,
                method_names_len: u64, method_names_ptr: u64,
            ) = keys::promise_batch_action_add_key_with_function_call;
            /// Adds the removal of a key.
            host promise_batch_action_delete_key(
                promise_index: u64, public_key_len: u64, public_key_ptr: u64,
            ) = keys::promise_batch_action_delete_key;
            /// Adds the deletion of the receiver; the beneficiary gets what is left.
            host promise_batch_action_delete_account(
                promise_index: u64, beneficiary_id_len: u64, beneficiary_id_ptr: u64,
            ) = actions::promise_batch_action_delete_account;
            /// Adds a transfer to a gas key.
            #[feature(GAS_KEYS)]
            host promise_batch_action_transfer_to_gas_key(
                promise_index: u64, public_key_len: u64, public_key_ptr: u64, amount_ptr: u64,
            ) = keys::promise_batch_action_transfer_to_gas_key;
            /// Adds a gas key with full access.
            #[feature(GAS_KEYS)]
            host promise_batch_action_add_gas_key_with_full_access(
                promise_index: u64, public_key_len: u64, public_key_ptr: u64, num_nonces: u64,
            ) = keys::promise_batch_action_add_gas_key_with_full_access;
            /// Adds a gas key for function calls.
            #[feature(GAS_KEYS)]
            host promise_batch_action_add_gas_key_with_function_call(
                promise_index: u64,
                public_key_len: u64, public_key_ptr: u64,
                num_nonces: u64, allowance_ptr: u64,
                receiver_id_len: u64, receiver_id_ptr: u64,
                method_names_len: u64, method_names_ptr: u64,
            ) = keys::promise_batch_action_add_gas_key_with_function_call;

            /// Adds the initialization of a deterministic account with a global contract by its
            /// hash. Returns the action's place in the promise.
            host promise_batch_action_state_init(
                promise_index: u64, code_hash_len: u64, code_hash_ptr: u64, amount_ptr: u64,
            ) -> u64 = state_init::promise_batch_action_state_init;
            /// The same with a global contract by its deployer.
            host promise_batch_action_state_init_by_account_id(
                promise_index: u64, account_id_len: u64, account_id_ptr: u64, amount_ptr: u64,
            ) -> u64 = state_init::promise_batch_action_state_init_by_account_id;
            /// Adds an entry to the data that such an action gives the account.
            host set_state_init_data_entry(
                promise_index: u64, action_index: u64,
                key_len: u64, key_ptr: u64, value_len: u64, value_ptr: u64,
            ) = state_init::set_state_init_data_entry;
            /// Adds the initialization of a universal account.
            #[feature(UNIVERSAL_ACCOUNTS)]
            host promise_batch_action_universal_state_init(
                promise_index: u64, state_init_len: u64, state_init_ptr: u64, amount_ptr: u64,
            ) = state_init::promise_batch_action_universal_state_init;
            /// Puts the id of the universal account with an initial state to a register: 0, or 1
            /// when the state does not decode, 2 when it is not in canonical borsh.
            #[feature(UNIVERSAL_ACCOUNTS)]
            host universal_state_init_to_account_id(
                state_init_len: u64, state_init_ptr: u64, register_id: u64,
            ) -> u64 = state_init::universal_state_init_to_account_id;

            group "Yielded promises";

            /// Makes a promise of a function call on the own account that waits to be resumed;
            /// the id to resume it by goes to a register.
            host promise_yield_create(
                method_name_len: u64, method_name_ptr: u64,
                arguments_len: u64, arguments_ptr: u64,
                gas: u64, gas_weight: u64, register_id: u64,
            ) -> u64 = promises::promise_yield_create;
            /// The same under an id that the contract chooses; `u64::MAX` when it is in use.
            #[feature(YIELD_WITH_ID)]
            host promise_yield_create_with_id(
                method_name_len: u64, method_name_ptr: u64,
                arguments_len: u64, arguments_ptr: u64,
                amount_ptr: u64, gas: u64, gas_weight: u64,
                yield_id_len: u64, yield_id_ptr: u64,
            ) -> u64 = promises::promise_yield_create_with_id;
            /// Resumes a yielded promise with a payload: 1, or 0 when none waits.
            host promise_yield_resume(
                data_id_len: u64, data_id_ptr: u64, payload_len: u64, payload_ptr: u64,
            ) -> u32 = promises::promise_yield_resume;
            /// The same by the id that the contract chose.
            #[feature(YIELD_WITH_ID)]
            host promise_yield_resume_with_yield_id(
                yield_id_len: u64, yield_id_ptr: u64, payload_len: u64, payload_ptr: u64,
            ) -> u32 = promises::promise_yield_resume_with_yield_id;

            group "Storage";

            /// Writes a value under a key. 1 if there was a value, which goes to a register.
            host storage_write(
                key_len: u64, key_ptr: u64, value_len: u64, value_ptr: u64, register_id: u64,
            ) -> u64 = storage::storage_write;
            /// Copies the value under a key to a register. 1 if there is one.
            host storage_read(key_len: u64, key_ptr: u64, register_id: u64) -> u64
                = storage::storage_read;
            /// Removes the value under a key. 1 if there was one, which goes to a register.
            host storage_remove(key_len: u64, key_ptr: u64, register_id: u64) -> u64
                = storage::storage_remove;
            /// Whether there is a value under a key: 1 or 0.
            host storage_has_key(key_len: u64, key_ptr: u64) -> u64 = storage::storage_has_key;
            /// Deprecated: ends the call as failed.
            host storage_iter_prefix(prefix_len: u64, prefix_ptr: u64) -> u64
                = env::storage_iter_prefix;
            /// Deprecated: ends the call as failed.
            host storage_iter_range(
                start_len: u64, start_ptr: u64, end_len: u64, end_ptr: u64,
            ) -> u64 = env::storage_iter_range;
            /// Deprecated: ends the call as failed.
            host storage_iter_next(
                iterator_id: u64, key_register_id: u64, value_register_id: u64,
            ) -> u64 = env::storage_iter_next;

            group "Metering";

            /// Burns the gas of a number of instructions: for contracts that count their own.
            host gas(opcodes: u32) = env::gas;
        }
    }
}
