//! What the calls work on, by address in the guest's memory.

use near_crypto::{KeyType, SecretKey, Signature};

/// Bytes by their address.
pub(crate) type Data = Vec<(usize, Vec<u8>)>;

pub(crate) fn zeros() -> Data {
    Vec::new()
}

/// The key of the account's storage, at 0.
pub(crate) fn key() -> Data {
    vec![(0, b"k".to_vec())]
}

/// An account id, at 64.
pub(crate) fn account() -> Data {
    vec![(64, b"bob.near".to_vec())]
}

/// RFC 8032, 7.1, test 2: signature, key and message.
pub(crate) fn ed25519() -> Data {
    consecutive(&[
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
    ])
}

/// The example of Ethereum's precompiled contract 1: digest and signature.
pub(crate) fn secp256k1() -> Data {
    consecutive(&[
        "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3",
        "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608\
         4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
    ])
}

/// RFC 6979, A.2.5, the message "sample" with SHA-256: signature, digest and key.
pub(crate) fn p256() -> Data {
    consecutive(&[
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
        "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
    ])
}

/// A signature of a zero byte, at 0, and its key, at 4096; the zero is at 8192.
pub(crate) fn ml_dsa() -> Data {
    let secret = SecretKey::from_seed(KeyType::MLDSA65, "bench");
    let Signature::MLDSA65(signature) = secret.sign(&[0]) else { panic!("another signature") };
    let key = secret.public_key();
    vec![(0, signature.0.to_vec()), (4096, key.key_data().to_vec())]
}

/// The generator of the first group of `alt_bn128`, a scalar of 253 bits.
pub(crate) fn bn_multiexp() -> Data {
    consecutive(&[BN_G1, "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64e13"])
}

/// The generator of the first group twice, added.
pub(crate) fn bn_sum() -> Data {
    consecutive(&["00", BN_G1, "00", BN_G1])
}

/// The generators, and again with the first one negated.
pub(crate) fn bn_pairing() -> Data {
    let minus = "0100000000000000000000000000000000000000000000000000000000000000\
                 45fd7cd8168c203c8dca7168916a81975d588181b64550b829a031e1724e6430";
    let g2 = "edf692d95cbdde46ddda5ef7d422436779445c5e66006a42761e1f12efde0018\
              c212f3aeb785e49712e7a9353349aaf1255dfb31b7bf60723a480d9293938e19\
              aa7dfa6601cce64c7bd3430c69e7d1e38f40cb8d8071ab4aeb6d8cdba55ec812\
              5b9722d1dcdaac55f38eb37033314bbc95330c69ad999eec75f05f58d0890609";
    consecutive(&[BN_G1, g2, minus, g2])
}

/// The generator of the first group of BLS12-381 twice, added.
pub(crate) fn bls_sum() -> Data {
    consecutive(&["00", BLS_G1, "00", BLS_G1])
}

/// The generator of the second group twice, added.
pub(crate) fn bls_sum_2() -> Data {
    consecutive(&["00", BLS_G2, "00", BLS_G2])
}

/// The generator of the first group and a scalar.
pub(crate) fn bls_multiexp() -> Data {
    consecutive(&[BLS_G1, BLS_SCALAR])
}

/// The generator of the second group and a scalar.
pub(crate) fn bls_multiexp_2() -> Data {
    consecutive(&[BLS_G2, BLS_SCALAR])
}

/// The generators, and again with the first one negated.
pub(crate) fn bls_pairing() -> Data {
    let minus = "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58\
                 6c55e83ff97a1aeffb3af00adb22c6bb114d1d6855d545a8aa7d76c8cf2e21f2\
                 67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca";
    consecutive(&[BLS_G1, BLS_G2, minus, BLS_G2])
}

/// The compressed generator of the first group.
pub(crate) fn bls_compressed() -> Data {
    consecutive(&["97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58\
                   6c55e83ff97a1aeffb3af00adb22c6bb"])
}

const BN_G1: &str = "0100000000000000000000000000000000000000000000000000000000000000\
                     0200000000000000000000000000000000000000000000000000000000000000";

const BLS_G1: &str = "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58\
                      6c55e83ff97a1aeffb3af00adb22c6bb08b3f481e3aaa0f1a09e30ed741d8ae4\
                      fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";

const BLS_G2: &str = "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049\
                      334cf11213945d57e5ac7d055d042b7e024aa2b2f08f0a91260805272dc51051\
                      c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8\
                      0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab\
                      3f370d275cec1da1aaa9075ff05f79be0ce5d527727d6e118cc9cdc6da2e351a\
                      adfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801";

const BLS_SCALAR: &str = "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64e73";

/// The bytes that these are in hexadecimal, one behind the other from 0.
fn consecutive(parts: &[&str]) -> Data {
    let digits = parts.concat();
    let digits = digits.as_bytes().chunks(2).map(|byte| std::str::from_utf8(byte).expect("ASCII"));
    vec![(0, digits.map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect())]
}
