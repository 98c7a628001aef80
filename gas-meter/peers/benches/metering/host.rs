//! The host functions that the contracts' calls need: as little as lets a method run to its end.
//! The storage is empty and forgets what is written.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// The module from which contracts import.
pub(crate) const HOST: &str = "env";

/// A guest's memory.
pub(crate) trait Memory {
    /// A copy of what is there.
    fn read(&self, at: u64, length: u64) -> Result<Vec<u8>>;

    /// Overwrites what is there.
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<()>;
}

/// The host of one instance.
#[derive(Debug)]
pub(crate) struct Host {
    input: &'static [u8],
    registers: BTreeMap<u64, Vec<u8>>,
    seen: u32,
}

/// A host function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Register(&'static [u8]),
    Input,
    RegisterLen,
    ReadRegister,
    Look(usize),
    Write,
    Amount,
    Fail,
    Nothing,
}

impl Function {
    /// As many arguments as any host function has.
    pub(crate) const MOST_ARGUMENTS: usize = 9;

    /// The function with this name; what is not known does nothing and returns zero.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "input" => Function::Input,
            "current_account_id" => Function::Register(b"linkdrop.near"),
            "predecessor_account_id" | "signer_account_id" => Function::Register(b"alice.near"),
            "register_len" => Function::RegisterLen,
            "read_register" => Function::ReadRegister,
            "value_return" | "log_utf8" | "log_utf16" => Function::Look(0),
            "promise_batch_action_function_call" => Function::Look(1),
            "storage_write" => Function::Write,
            "attached_deposit" | "account_balance" => Function::Amount,
            "panic" | "panic_utf8" | "abort" => Function::Fail,
            _ => Function::Nothing,
        }
    }
}

impl Host {
    /// A host whose contract is called with `input`.
    pub(crate) fn new(input: &'static [u8]) -> Self {
        Host { input, registers: BTreeMap::new(), seen: 0 }
    }

    /// A digest of what the contract has written, logged and returned since the last time.
    pub(crate) fn take_seen(&mut self) -> u32 {
        std::mem::take(&mut self.seen)
    }

    /// One host call.
    pub(crate) fn call(
        &mut self,
        function: Function,
        args: &[u64],
        memory: &mut dyn Memory,
    ) -> Result<u64> {
        let arg = |index: usize| args.get(index).copied().context("too few arguments");
        match function {
            Function::Input => self.set(arg(0)?, self.input),
            Function::Register(value) => self.set(arg(0)?, value),
            Function::RegisterLen => {
                let bytes = self.registers.get(&arg(0)?);
                return Ok(bytes.map_or(Ok(u64::MAX), |bytes| u64::try_from(bytes.len()))?);
            }
            Function::ReadRegister => {
                let bytes = self.registers.get(&arg(0)?).context("an empty register")?;
                memory.write(arg(1)?, bytes)?;
            }
            Function::Look(first) => self.see(&memory.read(arg(first + 1)?, arg(first)?)?),
            Function::Write => {
                self.see(&memory.read(arg(1)?, arg(0)?)?);
                // The value itself may hold a number that an instance counts up from call to call.
                self.see(&arg(2)?.to_le_bytes());
            }
            Function::Amount => memory.write(arg(0)?, &0_u128.to_le_bytes())?,
            Function::Fail => {
                let said = args.get(..2).map(|said| memory.read(said[1], said[0]));
                let said = said.transpose()?.unwrap_or_default();
                bail!("the contract failed: {}", String::from_utf8_lossy(&said));
            }
            Function::Nothing => {}
        }
        Ok(0)
    }

    fn set(&mut self, register: u64, value: &[u8]) {
        let bytes = self.registers.entry(register).or_default();
        bytes.clear();
        bytes.extend_from_slice(value);
    }

    fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.seen = self.seen.wrapping_mul(31).wrapping_add(u32::from(*byte));
        }
    }
}
