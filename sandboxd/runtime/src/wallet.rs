//! The contract that accounts with an Ethereum address run (NEP-518). NEAR's chains have it as a
//! global contract; its code is in no package registry, so that whoever wants it has to bring it.

use sandbox_state::{Overlay, Snapshot, Unavailable};

use crate::near::{CryptoHash, GlobalContractIdentifier};
use crate::tree;

/// Hashes of the wallet contract (near-wallet-contract `eth_wallet_global_contract_hash`): on mainnet,
/// on testnet, on any other chain.
const WALLETS: [&str; 3] = [
    "2zodJZK2e4nnv5AqwCRnenNSmkikXhEd7PPY6BmfTmW4",
    "3PpYvRxBfC5BkZxTw8ZFG3D52w1ZRhvDDWirKoxphMDn",
    "FAq9tQRbwJPTV3PQLn2F7AUD3FW2Fw1V8ZeZuazfeu1v",
];

/// Some wasm is not the wallet contract of a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the wallet contract of {chain_id}: its hash is {found}, that of the contract is \
     {expected}; nearcore has it in runtime/near-wallet-contract/res"
)]
pub struct InvalidWallet {
    /// The chain.
    pub chain_id: String,
    /// The hash that its accounts name.
    pub expected: CryptoHash,
    /// The hash of the wasm.
    pub found: CryptoHash,
}

/// The hash of the wallet contract of a chain.
///
/// # Panics
/// Never: the hashes above are well formed.
pub fn hash(chain_id: &str) -> CryptoHash {
    let [mainnet, testnet, other] = WALLETS;
    let hash = match chain_id {
        "mainnet" | "mocknet" => mainnet,
        "testnet" => testnet,
        _ => other,
    };
    hash.parse().expect("the hashes above are well formed")
}

/// `state` with the wallet contract of the chain as a global contract.
///
/// # Errors
/// When part of the state cannot be got; the inner error when `code` is something else.
pub fn deploy(
    state: &Snapshot,
    chain_id: &str,
    code: &[u8],
) -> Result<Result<Snapshot, InvalidWallet>, Unavailable> {
    let (expected, found) = (hash(chain_id), CryptoHash::hash_bytes(code));
    if expected != found {
        return Ok(Err(InvalidWallet { chain_id: chain_id.to_owned(), expected, found }));
    }
    with_global_contract(state, found, code).map(Ok)
}

fn with_global_contract(
    state: &Snapshot,
    hash: CryptoHash,
    code: &[u8],
) -> Result<Snapshot, Unavailable> {
    let mut overlay = Overlay::new(state.clone());
    let key = tree::global_code_key(&GlobalContractIdentifier::CodeHash(hash));
    overlay.set(key.to_vec(), code.to_vec());
    state.apply(&overlay.into_changes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deployed_is_found_by_its_hash() {
        let hash = CryptoHash::hash_bytes(b"code");
        let state = with_global_contract(&Snapshot::empty(), hash, b"code");
        let state = state.expect("nothing is elsewhere");
        let found = tree::global_code(&mut &state, &GlobalContractIdentifier::CodeHash(hash));
        let found = found.expect("nothing is elsewhere");
        assert_eq!(found.map(|(hash, code)| (hash, code.to_vec())), Some((hash, b"code".to_vec())));
    }

    #[test]
    fn only_the_wallet_contract_of_the_chain_is_deployed() {
        let deployed =
            deploy(&Snapshot::empty(), "testnet", b"code").expect("nothing is elsewhere");
        let error = deployed.expect_err("some other code");
        assert_eq!(error.expected.to_string(), WALLETS[1]);
        assert_eq!(error.found, CryptoHash::hash_bytes(b"code"));
        assert!(error.to_string().starts_with("this is not the wallet contract of testnet: "));
    }
}
