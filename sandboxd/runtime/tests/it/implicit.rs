//! Accounts that a transfer makes because of what their id looks like.

use sandbox_runtime::near::{
    AccountContract, ActionCosts, ActionErrorKind, CompilationError, CryptoHash, FunctionCallError,
};

use crate::accounts::create;
use crate::world::{TGAS, World, call, id, near, transfer, yocto};

const ETH: &str = "0x0123456789abcdef0123456789abcdef01234567";
const DETERMINISTIC: &str = "0s0123456789abcdef0123456789abcdef01234567";
const UNIVERSAL: &str = "0u0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghj0";

#[test]
fn an_ethereum_address_becomes_an_account_with_the_wallet_contract() {
    let mut world = World::new();
    let story = world.run("alice.near", ETH, vec![transfer(near(3))]);
    assert_eq!(story.value(), b"");
    let account = world.account(ETH);
    assert_eq!(account.amount(), near(3));
    // The account and the hash that names its contract.
    assert_eq!(account.storage_usage(), 100 + 32);
    let wallet =
        "FAq9tQRbwJPTV3PQLn2F7AUD3FW2Fw1V8ZeZuazfeu1v".parse::<CryptoHash>().expect("a hash");
    assert_eq!(account.contract().into_owned(), AccountContract::Global(wallet));
    let costs =
        [ActionCosts::new_action_receipt, ActionCosts::transfer, ActionCosts::create_account];
    let send = costs.iter().map(|cost| world.send(*cost)).sum::<u128>();
    let exec = costs.iter().map(|cost| world.exec(*cost)).sum::<u128>();
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), send);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);

    // Without the wallet's code a call fails, and says whose code is missing.
    let story = world.run("alice.near", ETH, vec![call("rlp_execute", b"{}", TGAS, yocto(0))]);
    let error = CompilationError::CodeDoesNotExist { account_id: id(ETH) };
    let error = ActionErrorKind::FunctionCallError(FunctionCallError::CompilationError(error));
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn the_wallet_contract_depends_on_the_chain() {
    for (chain_id, hash) in [
        ("mainnet", "2zodJZK2e4nnv5AqwCRnenNSmkikXhEd7PPY6BmfTmW4"),
        ("testnet", "3PpYvRxBfC5BkZxTw8ZFG3D52w1ZRhvDDWirKoxphMDn"),
    ] {
        let mut world = World::new();
        world.env.chain_id = chain_id.into();
        world.run("alice.near", ETH, vec![transfer(near(1))]);
        let hash = hash.parse().expect("a hash");
        let account = world.account(ETH);
        assert_eq!(account.contract().into_owned(), AccountContract::Global(hash), "{chain_id}");
    }
}

#[test]
fn deterministic_and_universal_accounts_hold_tokens_before_they_have_a_state() {
    let mut world = World::new();
    for name in [DETERMINISTIC, UNIVERSAL] {
        let story = world.run("alice.near", name, vec![transfer(near(2))]);
        assert_eq!(story.value(), b"");
        let account = world.account(name);
        assert_eq!((account.amount(), account.storage_usage()), (near(2), 100));
        assert!(account.contract().is_none());
        let more = world.run("alice.near", name, vec![transfer(near(1))]);
        assert_eq!(more.value(), b"");
        assert_eq!(world.account(name).amount(), near(3));
    }
    assert!(world.account(DETERMINISTIC).is_initialized());
    let universal = world.account(UNIVERSAL);
    assert!(!universal.is_initialized());
    // As a key's would be that was made in the same block, which was the seventh after the tenth.
    let made_at = world.env.height - 4;
    assert_eq!(universal.bootstrap_nonce(), Some((made_at - 1) * 1_000_000));

    let story = world.run("alice.near", UNIVERSAL, vec![call("f", b"", TGAS, yocto(0))]);
    let account_id = id(UNIVERSAL);
    assert_eq!(story.error(), (Some(0), ActionErrorKind::AccountNotInitialized { account_id }));
}

#[test]
fn only_transfers_alone_make_them_but_for_universal_ones() {
    let mut world = World::new();
    for name in [ETH, DETERMINISTIC] {
        let story = world.run("alice.near", name, vec![transfer(near(1)), transfer(near(1))]);
        let account_id = id(name);
        assert_eq!(story.error(), (Some(0), ActionErrorKind::AccountDoesNotExist { account_id }));
    }
    let story = world.run("alice.near", UNIVERSAL, vec![transfer(near(1)), transfer(near(1))]);
    assert_eq!(story.value(), b"");
    assert_eq!(world.account(UNIVERSAL).amount(), near(2));
    for name in [ETH, DETERMINISTIC, &"22".repeat(32)] {
        let story = world.run("alice.near", name, vec![create()]);
        let account_id = id(name);
        let error = ActionErrorKind::OnlyImplicitAccountCreationAllowed { account_id };
        assert_eq!(story.error(), (Some(0), error));
    }
}
