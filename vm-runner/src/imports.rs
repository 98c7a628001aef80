//! Whether a module's imports exist: the same check for all engines, so that they cannot differ.

use host_fns::abi::{AbiType, FeatureSet, Host, HostFn, HostFnDecl};

use crate::prepare::ImportedFunction;
use crate::{LinkError, Signature, ValueType};

/// The host functions that a module imports, in the module's order. The first import that does
/// not exist is reported, and if all do, the first that has another type: wasmtime, and so
/// nearcore, looks all of them up before it compares types.
pub(crate) fn resolve<H: Host>(
    imports: &[ImportedFunction],
    features: FeatureSet,
) -> Result<Vec<&'static HostFn<H>>, LinkError> {
    let found: Vec<&'static HostFn<H>> =
        imports.iter().map(|import| find(import, features)).collect::<Result<_, _>>()?;
    for (import, function) in imports.iter().zip(&found) {
        check(import, &function.decl)?;
    }
    Ok(found)
}

fn find<H: Host>(
    import: &ImportedFunction,
    features: FeatureSet,
) -> Result<&'static HostFn<H>, LinkError> {
    let found = H::FUNCTIONS.iter().find(|function| {
        let HostFnDecl { module, name, .. } = function.decl;
        module == import.module && name == import.name && function.decl.available(features)
    });
    let unknown =
        || LinkError::UnknownImport { module: import.module.clone(), name: import.name.clone() };
    found.ok_or_else(unknown)
}

fn check(import: &ImportedFunction, decl: &HostFnDecl) -> Result<(), LinkError> {
    let found = Box::new(signature(decl));
    if *found == import.signature {
        return Ok(());
    }
    let (module, name) = (import.module.clone(), import.name.clone());
    let expected = Box::new(import.signature.clone());
    Err(LinkError::IncompatibleImport { module, name, expected, found })
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
