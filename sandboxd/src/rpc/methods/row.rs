//! What a row of the table says: the names of a method, what it takes, and how it can fail. The
//! documentation and the `OpenAPI` document are written from it.

use super::Handler;

/// One row of the table.
#[derive(Clone, Copy)]
pub(super) struct Method {
    /// The name, and then other names for the same.
    pub(super) names: &'static [&'static str],
    /// What it does, in a sentence or two.
    pub(super) summary: &'static str,
    /// What the params may be.
    pub(super) takes: Takes,
    /// The `cause.name` of its errors beside those that every method has.
    pub(super) errors: &'static [&'static str],
    pub(super) handler: Handler,
}

/// What the params of a method may be.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// Anything: they are not looked at.
    Ignored,
    /// An object with the members of one of the `forms`, or one of the `others`.
    Params {
        /// The members of the object, for each way to write it.
        forms: &'static [&'static [Member]],
        /// JSON that is understood as well: arrays of what the members are, or a fixed value.
        others: &'static [&'static str],
    },
}

/// A member of an object of params.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    /// What the name and the kind do not say; mostly nothing.
    pub(super) about: &'static str,
}

/// Whether a member may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

/// What a member is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The members that name a block, in the place of this one.
    BlockReference,
    /// A height or a hash.
    BlockId,
    /// As the one above, or null.
    MaybeBlockId,
    /// 32 bytes in base58.
    Hash,
    Hashes,
    AccountId,
    /// As `ed25519:…` or another type with its base58.
    PublicKey,
    /// As `FullAccess`, or an object, or null.
    Permission,
    PublicKeys,
    /// Tokens in their smallest unit, as a string of decimal digits.
    Amount,
    /// Bytes in base64.
    Base64,
    /// As the one above, or null.
    MaybeBase64,
    Text,
    /// An integer from 0 on that fits into 64 bits.
    Number,
    /// As a number or a decimal string.
    Nanoseconds,
    Flag,
    /// This string.
    Only(&'static str),
    /// One of these strings.
    One(&'static [&'static str]),
    AccountIds,
    /// A list of objects with `account_id` and `public_key`.
    AccountKeys,
    /// An object with `block_hash` and `shard_id`.
    ChunkId,
    Object,
    /// A list of records as in a genesis file.
    Records,
    /// A list of actions as in a transaction that `tx` shows.
    Actions,
    /// An address of the web, or a list of such.
    Urls,
}

impl Member {
    /// A member that has to be there.
    pub(super) const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, need: Need::Required, about: "" }
    }

    /// A member that may be left out.
    pub(super) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, need: Need::Optional, about: "" }
    }

    /// The same with an explanation.
    pub(super) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }
}

/// The members that name a block: one of `block_id`, `finality` and `sync_checkpoint`.
pub(super) const BLOCK: Member = Member::required("", Kind::BlockReference);

/// The account that the request is about.
pub(super) const ACCOUNT_ID: Member = Member::required("account_id", Kind::AccountId);

/// The key that the request is about.
pub(super) const PUBLIC_KEY: Member = Member::required("public_key", Kind::PublicKey);

impl Kind {
    /// What documentation calls it.
    pub(super) fn text(self) -> String {
        match self {
            Self::BlockReference => "a block reference".to_owned(),
            Self::BlockId => "height or hash".to_owned(),
            Self::MaybeBlockId => "height, hash or null".to_owned(),
            Self::Hash => "hash".to_owned(),
            Self::Hashes => "list of hashes".to_owned(),
            Self::AccountId => "account id".to_owned(),
            Self::PublicKey => "public key".to_owned(),
            Self::Permission => "permission as in an access key record, or null".to_owned(),
            Self::PublicKeys => "list of public keys".to_owned(),
            Self::Amount => "amount in the smallest unit as a decimal string".to_owned(),
            Self::Base64 => "base64".to_owned(),
            Self::MaybeBase64 => "base64 or null".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Nanoseconds => "nanoseconds, a number or a decimal string".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Only(only) => format!("`\"{only}\"`"),
            Self::One(texts) => format!("`\"{}\"`", texts.join("\"`, `\"")),
            Self::AccountIds => "list of account ids".to_owned(),
            Self::AccountKeys => "list of `{account_id, public_key}`".to_owned(),
            Self::ChunkId => "`{block_hash, shard_id}`".to_owned(),
            Self::Object => "object".to_owned(),
            Self::Records => "list of state records as in a genesis file".to_owned(),
            Self::Actions => "list of actions as `tx` shows them".to_owned(),
            Self::Urls => "URL, or list of URLs".to_owned(),
        }
    }
}
