//! `host_fn_table!`: one declaration per importable function, from which everything else is
//! derived. The values that cross the boundary implement [`AbiValue`]; nothing here knows which
//! functions exist.

use super::AbiType;

/// A type that a host function may take.
pub trait AbiValue: Copy {
    /// How the guest sees the type.
    const TYPE: AbiType;

    /// The value from the 64 bits that an engine hands over.
    fn from_abi(bits: u64) -> Self;
}

impl AbiValue for u64 {
    const TYPE: AbiType = AbiType::U64;

    fn from_abi(bits: u64) -> Self {
        bits
    }
}

impl AbiValue for u32 {
    const TYPE: AbiType = AbiType::U32;

    #[allow(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "engines zero-extend 32-bit values, so that nothing is cut off"
    )]
    fn from_abi(bits: u64) -> Self {
        bits as u32
    }
}

/// A type that a host function may return.
pub trait AbiResult {
    /// How the guest sees the type, `None` for no result.
    const TYPE: Option<AbiType>;

    /// The 64 bits that an engine takes over.
    fn into_abi(self) -> u64;
}

impl AbiResult for () {
    const TYPE: Option<AbiType> = None;

    fn into_abi(self) -> u64 {
        0
    }
}

impl AbiResult for u32 {
    const TYPE: Option<AbiType> = Some(AbiType::U32);

    fn into_abi(self) -> u64 {
        u64::from(self)
    }
}

impl AbiResult for u64 {
    const TYPE: Option<AbiType> = Some(AbiType::U64);

    fn into_abi(self) -> u64 {
        self
    }
}

/// Declares the importable functions of a [`Host`](crate::abi::Host): the value of its
/// `FUNCTIONS`.
///
/// `group "…";` puts the rows after it under a heading. A row is a documented signature and the
/// path of its body:
///
/// - `host name(…) -> u64 = path;` calls `path(&mut Self, &mut Memory, …) -> Result<u64,
///   Abort<Self::Error>>`.
/// - `core name(…) = path;` calls `path(&mut Core, &mut Memory, …) -> Result<(), HostError>` on
///   the host's field `core`; `Self::Error` is made from the error.
/// - `#[feature(F)]` in front makes the function exist only when [`Feature`](crate::abi::Feature)
///   `F` is on.
///
/// Parameters are `u32` or `u64`, results these or nothing. Parameter names carry meaning, see
/// [`HostFnDecl`](crate::abi::HostFnDecl).
#[macro_export]
macro_rules! host_fn_table {
    (
        module $module:literal;
        $(
            group $group:literal;
            $(
                $(#[doc = $doc:literal])+
                $(#[feature($feature:expr)])?
                $kind:ident $name:ident($($param:ident: $type:ty),* $(,)?) $(-> $result:ty)?
                    = $body:path;
            )*
        )*
    ) => {
        &[$($(
            $crate::abi::HostFn {
                decl: $crate::abi::HostFnDecl {
                    module: $module,
                    group: $group,
                    name: stringify!($name),
                    params: &[$((stringify!($param), <$type as $crate::abi::AbiValue>::TYPE)),*],
                    result: <$crate::host_fn_table!(@result $($result)?)
                        as $crate::abi::AbiResult>::TYPE,
                    feature: $crate::host_fn_table!(@feature $($feature)?),
                    docs: concat!($($doc),+).trim_ascii(),
                },
                call: |host, memory, args| {
                    let &[$($param),*] = args else {
                        return Err($crate::abi::Abort::Fault($crate::abi::Fault::new(concat!(
                            "the engine called `",
                            stringify!($name),
                            "` with a wrong number of arguments"
                        ))));
                    };
                    $(let $param = <$type as $crate::abi::AbiValue>::from_abi($param);)*
                    $crate::host_fn_table!(@call $kind host memory $body [$($param),*])
                        .map($crate::abi::AbiResult::into_abi)
                },
            },
        )*)*]
    };
    (@result) => { () };
    (@result $result:ty) => { $result };
    (@feature) => { None };
    (@feature $feature:expr) => { Some($feature) };
    (@call host $host:ident $memory:ident $body:path [$($param:ident),*]) => {
        $body($host, $memory $(, $param)*)
    };
    (@call core $host:ident $memory:ident $body:path [$($param:ident),*]) => {
        $body(&mut $host.core, $memory $(, $param)*)
            .map_err(|error| $crate::abi::Abort::Guest(error.into()))
    };
}
