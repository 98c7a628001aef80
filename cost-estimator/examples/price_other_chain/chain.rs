//! A chain that counts: its host, with one function, and what it charges today.

use std::fmt;
use std::sync::Arc;

use gas_meter::{Cost, CostId, CostKind, CostRow, CostTable, Gas, GasCounter, OutOfGas};
use host_fns::abi::{Abort, Host, HostFn, Memory, OutOfBounds};
use host_fns::host_fn_table;

const COUNT_BASE: CostId = CostId(0);
const COUNT_BYTE: CostId = CostId(1);

/// The chain's prices, by their names.
pub(crate) const PRICES: &[(CostId, &str, u64)] =
    &[(COUNT_BASE, "count_base", 20_000), (COUNT_BYTE, "count_byte", 100)];

/// One execution.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    gas: GasCounter,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refused {
    Gas,
    Memory,
    Stack,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Gas => "out of gas",
            Refused::Memory => "out of bounds",
            Refused::Stack => "out of stack",
        })
    }
}

impl std::error::Error for Refused {}

impl From<OutOfGas> for Refused {
    fn from(_: OutOfGas) -> Self {
        Refused::Gas
    }
}

impl From<OutOfBounds> for Refused {
    fn from(_: OutOfBounds) -> Self {
        Refused::Memory
    }
}

impl Host for Counting {
    type Error = Refused;
    type Checkpoint = Self;

    const FUNCTIONS: &'static [HostFn<Self>] = host_fn_table! {
        module "chain";

        group "Counting";

        /// How many bits are set in a value.
        host count(value_len: u64, value_ptr: u64) -> u64 = count;
    };

    fn gas(&mut self) -> &mut GasCounter {
        &mut self.gas
    }

    fn checkpoint(&self) -> Self {
        self.clone()
    }

    fn revert_to(&mut self, at: Self) {
        *self = at;
    }

    fn out_of_gas(why: OutOfGas) -> Refused {
        why.into()
    }

    fn stack_exhausted() -> Refused {
        Refused::Stack
    }
}

impl Counting {
    /// With a price of one for everything, so that its gas profile counts units.
    pub(crate) fn with_unit_prices() -> Self {
        let rows = PRICES.iter().map(|(id, name, _)| {
            let cost = Cost::of_gas(Gas::new(1));
            CostRow { id: *id, name, kind: CostKind::Host, cost }
        });
        let costs = Arc::new(CostTable::new(rows));
        Counting { gas: GasCounter::new(costs, Gas::MAX, Gas::MAX) }
    }
}

fn count(
    host: &mut Counting,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
) -> Result<u64, Abort<Refused>> {
    let refused = |why: Refused| Abort::Guest(why);
    host.gas.pay(COUNT_BASE).map_err(|why| refused(why.into()))?;
    host.gas.pay_per(COUNT_BYTE, value_len).map_err(|why| refused(why.into()))?;
    let value = memory.read(value_ptr, value_len).map_err(|why| refused(why.into()))?;
    Ok(value.iter().map(|byte| u64::from(byte.count_ones())).sum())
}
