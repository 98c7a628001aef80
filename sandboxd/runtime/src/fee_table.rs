//! The fee table as a list: every price in gas under NEAR's name for the parameter
//! (`parameters.yaml` of nearcore). The three prices of an action are told apart by a suffix:
//! `action_transfer.send_sir`, `.send_not_sir` and `.execution`.

use std::collections::BTreeMap;
use std::sync::Arc;

use near_parameters::parameter::FeeParameter;
use near_parameters::parameter_table::FeeComponent;
use near_parameters::{Fee, RuntimeConfig as NearConfig, SignatureKind};

pub use vm_runner::near::{FeeTable, InvalidFees};

use crate::near::{ActionCosts, ExtCosts, Gas, ParameterCost};

/// All prices of `config`.
pub(crate) fn of(config: &NearConfig) -> FeeTable {
    let mut config = config.clone();
    slots(&mut config).into_iter().map(|(name, slot)| (name, slot.gas())).collect()
}

/// `config` with other prices; those that `fees` does not name stay. What is charged against the
/// limit of a block (compute) becomes the same as the gas.
pub(crate) fn replace(mut config: NearConfig, fees: &FeeTable) -> Result<NearConfig, InvalidFees> {
    let mut slots: BTreeMap<String, Slot<'_>> = slots(&mut config).into_iter().collect();
    for (name, gas) in fees {
        let Some(slot) = slots.get_mut(name) else {
            return Err(InvalidFees::unknown(name, slots.keys()));
        };
        InvalidFees::check(name, *gas)?;
        slot.set(*gas);
    }
    drop(slots);
    Ok(config)
}

/// Where a price is kept.
enum Slot<'a> {
    Cost(&'a mut ParameterCost),
    Component(&'a mut FeeComponent),
    Op(&'a mut u32),
    Linear(&'a mut u64),
}

impl Slot<'_> {
    fn gas(&self) -> u64 {
        match self {
            Slot::Cost(cost) => cost.gas.as_gas(),
            Slot::Component(component) => component.gas().as_gas(),
            Slot::Op(gas) => u64::from(**gas),
            Slot::Linear(gas) => **gas,
        }
    }

    fn set(&mut self, gas: u64) {
        match self {
            Slot::Cost(cost) => **cost = ParameterCost::new(Gas::from_gas(gas), gas),
            Slot::Component(component) => **component = FeeComponent::Gas(Gas::from_gas(gas)),
            // It was checked to have 32 bits.
            Slot::Op(op) => **op = u32::try_from(gas).unwrap_or(u32::MAX),
            Slot::Linear(linear) => **linear = gas,
        }
    }
}

fn slots(config: &mut NearConfig) -> Vec<(String, Slot<'_>)> {
    let vm = Arc::make_mut(&mut config.wasm_config);
    let fees = Arc::make_mut(&mut config.fees);
    let mut slots = vec![
        ("wasm_regular_op_cost".to_owned(), Slot::Op(&mut vm.regular_op_cost)),
        ("wasm_linear_op_base_cost".to_owned(), Slot::Linear(&mut vm.linear_op_base_cost)),
        ("wasm_linear_op_unit_cost".to_owned(), Slot::Linear(&mut vm.linear_op_unit_cost)),
    ];
    slots.extend(
        vm.ext_costs
            .costs
            .iter_mut()
            .map(|(id, cost): (ExtCosts, _)| (host_name(id), Slot::Cost(cost))),
    );
    for (id, fee) in &mut fees.action_fees {
        let name = action_name(id);
        let Fee { send_sir, send_not_sir, execution } = fee;
        slots.extend([
            (format!("{name}.send_sir"), Slot::Component(send_sir)),
            (format!("{name}.send_not_sir"), Slot::Component(send_not_sir)),
            (format!("{name}.execution"), Slot::Component(execution)),
        ]);
    }
    let ml_dsa = &mut fees.signature_verification_costs[SignatureKind::MlDsa65];
    slots.push(("ml_dsa_65_verification_cost".to_owned(), Slot::Cost(ml_dsa)));
    slots
}

/// NEAR's name for the price of a host function.
pub(crate) fn host_name(cost: ExtCosts) -> String {
    cost.param().to_string()
}

/// NEAR's name for the fee of an action, without its three suffixes.
pub(crate) fn action_name(cost: ActionCosts) -> String {
    FeeParameter::from(cost).to_string()
}

#[cfg(test)]
mod tests {
    use super::{FeeTable, InvalidFees};
    use crate::RuntimeConfig;
    use crate::near::{ActionCosts, ExtCosts, PROTOCOL_VERSION};

    fn config() -> RuntimeConfig {
        RuntimeConfig::new(PROTOCOL_VERSION).expect("supported")
    }

    fn fees(fees: &[(&str, u64)]) -> FeeTable {
        fees.iter().map(|(name, gas)| ((*name).to_owned(), *gas)).collect()
    }

    #[test]
    fn prices_are_listed_by_nears_names() {
        let table = config().fee_table();
        assert_eq!(table["wasm_regular_op_cost"], 822_756);
        assert_eq!(table["wasm_sha3_256_base"], 5_879_491_275);
        let near = config();
        let transfer = near.near().fees.fee(ActionCosts::transfer);
        assert_eq!(table["action_transfer.execution"], transfer.execution.gas().as_gas());
        assert_eq!(table["ml_dsa_65_verification_cost"], 100_000_000_000);
    }

    #[test]
    fn prices_that_are_replaced_are_charged_and_the_others_stay() {
        let new = fees(&[
            ("wasm_sha256_base", 7),
            ("wasm_regular_op_cost", 5),
            ("action_transfer.execution", 9),
        ]);
        let changed = config().with_fees(&new).expect("known");
        let mut expected = config().fee_table();
        expected.extend(new);
        assert_eq!(changed.fee_table(), expected);
        let sha256 = changed.near().wasm_config.ext_costs.costs[ExtCosts::sha256_base];
        assert_eq!((sha256.gas.as_gas(), sha256.compute), (7, 7));
        let row = changed.host().costs.iter().find(|row| row.name == "SHA256_BASE");
        assert_eq!(row.expect("a row").cost.gas.units(), 7);
        assert_eq!(changed.host().regular_op_gas, 5);
        assert_ne!(changed.vm().fingerprint(), config().vm().fingerprint());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let error = config().with_fees(&fees(&[("wasm_sha256_bse", 7)])).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "there is no price wasm_sha256_bse; did you mean wasm_sha256_base?"
        );
        for name in ["wasm_regular_op_cost", "wasm_linear_op_base_cost", "wasm_linear_op_unit_cost"]
        {
            let error = config().with_fees(&fees(&[(name, (1 << 32) + 1)]));
            assert!(matches!(error, Err(InvalidFees::TooLarge { .. })), "{name}");
        }
    }
}
