//! Chains that charge other prices than the protocol's.

use near_primitives::action::{Action, TransferAction};
use near_primitives::types::{Balance, Gas};
use sandbox_runtime::FeeTable;
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock, InvalidChain};

use crate::support::{GENESIS_NS, sign};

fn chain(fees: FeeTable) -> Result<Chain, InvalidChain> {
    let builder = Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).fees(fees);
    builder.build().map(Sandbox::into_chain)
}

fn fees(name: &str, gas: u64) -> FeeTable {
    [(name.to_owned(), gas)].into()
}

/// The gas that the receipt of a transfer burns.
fn transfer_burns(mut chain: Chain) -> Gas {
    let transfer = Action::Transfer(TransferAction { deposit: Balance::from_near(1) });
    let sent = sign(&chain, "alice.test.near", "bob.test.near", 1, vec![transfer]);
    let hash = chain.submit(sent).unwrap();
    chain.settle().unwrap();
    chain.execution(&hash).unwrap().outcomes[1].outcome.outcome.gas_burnt
}

#[test]
fn a_chain_charges_the_prices_that_it_was_given() {
    let usual = chain(FeeTable::new()).unwrap();
    let name = "action_transfer.execution";
    let price = usual.runtime().config().fee_table()[name];
    let usual = transfer_burns(usual);
    let dearer = transfer_burns(chain(fees(name, price + 1_000)).unwrap());
    assert_eq!(dearer, usual.checked_add(Gas::from_gas(1_000)).unwrap());
}

#[test]
fn a_price_that_there_is_not_is_named_with_the_nearest() {
    let error = chain(fees("wasm_sha256_bse", 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fees: there is no price wasm_sha256_bse; did you mean wasm_sha256_base?"
    );
}
