//! Whether a module's imports exist: the same check for all engines, so that they cannot differ.

use host_fns::abi::{AbiType, FeatureSet, Host, HostFn, HostFnDecl};

use crate::prepare::ImportedFunction;
use crate::{LinkError, Signature, ValueType};

/// The host functions that a module imports, in the module's order; the first import that does
/// not exist or has another type is reported.
pub(crate) fn resolve<H: Host>(
    imports: &[ImportedFunction],
    features: FeatureSet,
) -> Result<Vec<&'static HostFn<H>>, LinkError> {
    imports.iter().map(|import| resolve_one(import, features)).collect()
}

fn resolve_one<H: Host>(
    import: &ImportedFunction,
    features: FeatureSet,
) -> Result<&'static HostFn<H>, LinkError> {
    let (module, name) = (import.module.clone(), import.name.clone());
    let found = H::FUNCTIONS.iter().find(|function| {
        let HostFnDecl { module, name, .. } = function.decl;
        module == import.module && name == import.name && function.decl.available(features)
    });
    let Some(function) = found else {
        return Err(LinkError::UnknownImport { module, name });
    };
    let found = Box::new(signature(&function.decl));
    if *found != import.signature {
        let expected = Box::new(import.signature.clone());
        return Err(LinkError::IncompatibleImport { module, name, expected, found });
    }
    Ok(function)
}

fn signature(decl: &HostFnDecl) -> Signature {
    Signature {
        params: decl.params.iter().map(|(_, ty)| value_type(*ty)).collect(),
        results: decl.result.into_iter().map(value_type).collect(),
    }
}

fn value_type(ty: AbiType) -> ValueType {
    match ty {
        AbiType::U32 => ValueType::I32,
        AbiType::U64 => ValueType::I64,
    }
}
