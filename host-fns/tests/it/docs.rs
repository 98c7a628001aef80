//! `docs/host-functions.md` is generated from the table.

use std::fmt::Write;

use expect_test::expect_file;
use host_fns::abi::{AbiType, HostFnDecl};

use crate::guest::functions;

#[test]
fn the_list_of_host_functions_is_current() {
    let mut page = String::from(
        "# Host functions\n\n\
         Generated from the table in `host-fns/src/near/table.rs` by its test; run it with \
         `UPDATE_EXPECT=1` after a change.\n\n\
         Contracts import these from `env`. A length of `u64::MAX` with a pointer means the \
         register of that number instead of memory.\n\n\
         | function | what it does |\n|---|---|\n",
    );
    for function in functions() {
        writeln!(page, "| `{}` | {} |", signature(&function.decl), function.decl.docs).unwrap();
    }
    expect_file!["../../../docs/host-functions.md"].assert_eq(&page);
}

fn signature(decl: &HostFnDecl) -> String {
    let params: Vec<_> =
        decl.params.iter().map(|(name, ty)| format!("{name}: {}", type_name(*ty))).collect();
    let result = decl.result.map_or(String::new(), |ty| format!(" -> {}", type_name(ty)));
    format!("{}({}){result}", decl.name, params.join(", "))
}

fn type_name(ty: AbiType) -> &'static str {
    match ty {
        AbiType::U32 => "u32",
        AbiType::U64 => "u64",
    }
}
