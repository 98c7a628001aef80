//! The list of all functions that a contract on NEAR may import. Everything that enumerates them
//! starts here: linkers, the import check, `docs/host-functions.md`, generated tests.

use super::External;
use super::host::NearHost;
use crate::abi::HostFn;
use crate::common::registers;
use crate::host_fn_table;

/// NEAR's imports.
pub(super) const fn functions<X: External>() -> &'static [HostFn<NearHost<X>>] {
    const {
        host_fn_table! {
            module "env";

            /// Copies a register to memory.
            core read_register(register_id: u64, ptr: u64) = registers::read_register;
            /// Length of a register in bytes, or `u64::MAX` when it was never written.
            core register_len(register_id: u64) -> u64 = registers::register_len;
            /// Copies memory to a register.
            core write_register(register_id: u64, data_len: u64, data_ptr: u64)
                = registers::write_register;
        }
    }
}
