//! Names of the costs that any chain can have: [`CostId`]s up to 255. What they cost is in the
//! chain's `CostTable`.

use gas_meter::CostId;

/// Declares cost ids and the list of their names, which are those of gas profiles.
macro_rules! cost_ids {
    ($(#[$meta:meta])* $list:ident: $($id:literal $name:ident $doc:literal)*) => {
        $(
            #[doc = $doc]
            pub const $name: gas_meter::CostId = gas_meter::CostId($id);
        )*

        $(#[$meta])*
        pub const $list: &[(gas_meter::CostId, &str)] = &[$(($name, stringify!($name))),*];
    };
}
#[cfg(feature = "near")]
pub(crate) use cost_ids;

cost_ids! {
    /// Every cost of this module with its name.
    ALL:
    0 BASE "Entering a host function."
    1 CONTRACT_LOADING_BASE "Loading a contract."
    2 CONTRACT_LOADING_BYTES "Loading a byte of a contract's code."
    3 READ_MEMORY_BASE "Reading guest memory."
    4 READ_MEMORY_BYTE "Reading a byte of guest memory."
    5 WRITE_MEMORY_BASE "Writing guest memory."
    6 WRITE_MEMORY_BYTE "Writing a byte of guest memory."
    7 READ_REGISTER_BASE "Reading a register."
    8 READ_REGISTER_BYTE "Reading a byte of a register."
    9 WRITE_REGISTER_BASE "Writing a register."
    10 WRITE_REGISTER_BYTE "Writing a byte of a register."
    11 UTF8_DECODING_BASE "Decoding UTF-8 text."
    12 UTF8_DECODING_BYTE "Decoding a byte of UTF-8 text."
    13 UTF16_DECODING_BASE "Decoding UTF-16 text."
    14 UTF16_DECODING_BYTE "Decoding a byte of UTF-16 text."
    15 LOG_BASE "Writing a log."
    16 LOG_BYTE "Writing a byte of a log."
    32 SHA256_BASE "Hashing with SHA-256."
    33 SHA256_BYTE "Hashing a byte with SHA-256."
    34 KECCAK256_BASE "Hashing with Keccak-256."
    35 KECCAK256_BYTE "Hashing a byte with Keccak-256."
    36 KECCAK512_BASE "Hashing with Keccak-512."
    37 KECCAK512_BYTE "Hashing a byte with Keccak-512."
    38 SHA3_256_BASE "Hashing with SHA3-256."
    39 SHA3_256_BYTE "Hashing a byte with SHA3-256."
    40 SHA3_384_BASE "Hashing with SHA3-384."
    41 SHA3_384_BYTE "Hashing a byte with SHA3-384."
    42 SHA3_512_BASE "Hashing with SHA3-512."
    43 SHA3_512_BYTE "Hashing a byte with SHA3-512."
    44 RIPEMD160_BASE "Hashing with RIPEMD-160."
    45 RIPEMD160_BLOCK "Hashing a 64-byte block with RIPEMD-160."
    64 ED25519_VERIFY_BASE "Verifying an Ed25519 signature."
    65 ED25519_VERIFY_BYTE "Verifying a byte of a message signed with Ed25519."
    66 ECRECOVER_BASE "Recovering a secp256k1 key."
    67 P256_VERIFY_BASE "Verifying a P-256 signature."
    68 P256_VERIFY_BYTE "Verifying a byte of a message signed with P-256."
    69 ML_DSA_VERIFY_BASE "Verifying an ML-DSA-65 signature."
    70 ML_DSA_VERIFY_BYTE "Verifying a byte of a message signed with ML-DSA-65."
    96 ALT_BN128_G1_MULTIEXP_BASE "A multi-exponentiation on `alt_bn128`."
    97 ALT_BN128_G1_MULTIEXP_ELEMENT "An element of a multi-exponentiation on `alt_bn128`."
    98 ALT_BN128_G1_SUM_BASE "A sum on `alt_bn128`."
    99 ALT_BN128_G1_SUM_ELEMENT "An element of a sum on `alt_bn128`."
    100 ALT_BN128_PAIRING_CHECK_BASE "A pairing check on `alt_bn128`."
    101 ALT_BN128_PAIRING_CHECK_ELEMENT "An element of a pairing check on `alt_bn128`."
    112 BLS12381_P1_SUM_BASE "A sum in E(Fp) of BLS12-381."
    113 BLS12381_P1_SUM_ELEMENT "An element of a sum in E(Fp) of BLS12-381."
    114 BLS12381_P2_SUM_BASE "A sum in E'(Fp²) of BLS12-381."
    115 BLS12381_P2_SUM_ELEMENT "An element of a sum in E'(Fp²) of BLS12-381."
    116 BLS12381_G1_MULTIEXP_BASE "A multi-exponentiation in G1 of BLS12-381."
    117 BLS12381_G1_MULTIEXP_ELEMENT "An element of a multi-exponentiation in G1 of BLS12-381."
    118 BLS12381_G2_MULTIEXP_BASE "A multi-exponentiation in G2 of BLS12-381."
    119 BLS12381_G2_MULTIEXP_ELEMENT "An element of a multi-exponentiation in G2 of BLS12-381."
    120 BLS12381_MAP_FP_TO_G1_BASE "Mapping to G1 of BLS12-381."
    121 BLS12381_MAP_FP_TO_G1_ELEMENT "Mapping an element to G1 of BLS12-381."
    122 BLS12381_MAP_FP2_TO_G2_BASE "Mapping to G2 of BLS12-381."
    123 BLS12381_MAP_FP2_TO_G2_ELEMENT "Mapping an element to G2 of BLS12-381."
    124 BLS12381_PAIRING_BASE "A pairing check on BLS12-381."
    125 BLS12381_PAIRING_ELEMENT "An element of a pairing check on BLS12-381."
    126 BLS12381_P1_DECOMPRESS_BASE "Decompressing points of E(Fp) of BLS12-381."
    127 BLS12381_P1_DECOMPRESS_ELEMENT "Decompressing a point of E(Fp) of BLS12-381."
    128 BLS12381_P2_DECOMPRESS_BASE "Decompressing points of E'(Fp²) of BLS12-381."
    129 BLS12381_P2_DECOMPRESS_ELEMENT "Decompressing a point of E'(Fp²) of BLS12-381."
}

/// The name of one of these costs.
pub fn name(id: CostId) -> Option<&'static str> {
    ALL.iter().find(|(cost, _)| *cost == id).map(|(_, name)| *name)
}
