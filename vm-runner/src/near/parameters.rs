//! How prices and limits are written down: with the call, so that it needs no table of NEAR's.

use std::collections::BTreeMap;
use std::sync::Arc;

use gas_meter::instrument::{InvalidSchedule, Limits as MeteringLimits, Prices};
use gas_meter::{Cost, CostId, CostKind, Gas};
use host_fns::abi::{Feature, FeatureSet};
use host_fns::common;
use host_fns::near::{Config, Fee, Fees, Limits, cost};
use serde::{Deserialize, Serialize};

use super::data::gas;
use super::fees::{self, FeeTable, Priced};
use super::{InvalidFees, InvalidFixture};
use crate::{LoadingCosts, ModuleLimits, VmConfig, WasmProposals};

/// The module that contracts import from.
const IMPORT_MODULE: &str = "env";

/// Gas and compute.
type Price = [u64; 2];

/// A [`VmConfig`] and a [`Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(with = "ModuleLimitsData")]
    module_limits: ModuleLimits,
    reference_types_and_bulk_memory: bool,
    /// The figures of [`Prices::figures`]: how often, and which.
    prices: Vec<(u64, u64)>,
    host_features: u64,
    /// Base and byte, by their ids.
    loading: Option<(u16, u16)>,
    costs: BTreeMap<String, Price>,
    /// Sending to oneself, sending to another, executing.
    fees: BTreeMap<String, [Price; 3]>,
    #[serde(with = "CommonLimitsData")]
    common_limits: common::Limits,
    #[serde(with = "LimitsData")]
    limits: Limits,
    regular_op_gas: u64,
    extra_bytes_per_record: u64,
    one_yocto_on_promise: bool,
}

impl Parameters {
    pub(super) fn of(vm: &VmConfig, host: &Config) -> Self {
        let named = |kind| cost::all().filter(move |(_, _, other)| *other == kind);
        let costs = named(CostKind::Host)
            .map(|(id, name, _)| (name.to_owned(), price(host.costs.cost(id))));
        let fees = named(CostKind::Action).map(|(id, name, _)| {
            let Fee { send_sir, send_not_sir, exec } = host.fees.get(id);
            (name.to_owned(), [send_sir, send_not_sir, exec].map(price))
        });
        Parameters {
            module_limits: vm.limits.clone(),
            reference_types_and_bulk_memory: vm.wasm == WasmProposals::ReferenceTypesAndBulkMemory,
            prices: counted(&vm.prices),
            host_features: vm.host_features.bits(),
            loading: vm.loading.map(|costs| (costs.base.0, costs.byte.0)),
            costs: costs.collect(),
            fees: fees.collect(),
            common_limits: host.common_limits,
            limits: host.limits,
            regular_op_gas: host.regular_op_gas,
            extra_bytes_per_record: host.extra_bytes_per_record,
            one_yocto_on_promise: host.one_yocto_on_promise,
        }
    }

    /// The same with other prices; those that `fees` does not name stay. Compute becomes the same
    /// as the gas.
    pub(super) fn with_fees(&self, fees: &FeeTable) -> Result<Self, InvalidFees> {
        let known = fees::priced();
        let mut changed = self.clone();
        for (name, gas) in fees {
            InvalidFees::check(name, *gas)?;
            let price = [*gas, *gas];
            match known.get(name) {
                None => return Err(InvalidFees::unknown(name, known.keys())),
                Some(Priced::Host(cost)) => {
                    changed.costs.insert((*cost).to_owned(), price);
                }
                Some(Priced::Action(cost, stage)) => {
                    let stages = changed.fees.entry((*cost).to_owned()).or_default();
                    if let Some(slot) = stages.get_mut(*stage) {
                        *slot = price;
                    }
                }
                Some(Priced::Instructions | Priced::Elsewhere) => {}
            }
        }
        if let Some(gas) = fees::regular_op(fees) {
            changed.regular_op_gas = gas;
        }
        let prices =
            self.instructions().and_then(|was| fees::instructions(&was, self.regular_op_gas, fees));
        changed.prices = counted(&prices.map_err(|error| InvalidFees::Format(error.to_string()))?);
        Ok(changed)
    }

    fn instructions(&self) -> Result<Prices, InvalidSchedule> {
        // More figures than there are operators are wrong, however many the file claims.
        const MOST: usize = 10_000;
        let figures = self.prices.iter().flat_map(|(times, figure)| {
            std::iter::repeat_n(*figure, usize::try_from(*times).unwrap_or(MOST))
        });
        let figures: Vec<u64> = figures.take(MOST).collect();
        Prices::from_figures(&figures)
    }

    pub(super) fn vm(&self) -> Result<VmConfig, InvalidFixture> {
        let wasm = if self.reference_types_and_bulk_memory {
            WasmProposals::ReferenceTypesAndBulkMemory
        } else {
            WasmProposals::Basic
        };
        let is_on = |feature: &u8| self.host_features.unbounded_shr(u32::from(*feature)) & 1 == 1;
        let loading = self.loading;
        let known = |id| cost::all().any(|(known, _, _)| known == CostId(id));
        if loading.is_some_and(|(base, byte)| !known(base) || !known(byte)) {
            return Err(InvalidFixture::Impossible("price of loading"));
        }
        Ok(VmConfig {
            limits: self.module_limits.clone(),
            wasm,
            import_module: IMPORT_MODULE,
            prices: self.instructions().map_err(|_| InvalidFixture::Impossible("prices"))?,
            host_features: (0..64)
                .filter(is_on)
                .fold(FeatureSet::NONE, |on, feature| on.with(Feature(feature))),
            loading: loading
                .map(|(base, byte)| LoadingCosts { base: CostId(base), byte: CostId(byte) }),
        })
    }

    pub(super) fn host(&self) -> Config {
        let fee = |[send_sir, send_not_sir, exec]: [Price; 3]| Fee {
            send_sir: cost_of(send_sir),
            send_not_sir: cost_of(send_not_sir),
            exec: cost_of(exec),
        };
        Config {
            costs: Arc::new(cost::table(|name| {
                cost_of(self.costs.get(name).copied().unwrap_or_default())
            })),
            fees: Fees::new(|name| fee(self.fees.get(name).copied().unwrap_or_default())),
            common_limits: self.common_limits,
            limits: self.limits,
            regular_op_gas: self.regular_op_gas,
            extra_bytes_per_record: self.extra_bytes_per_record,
            one_yocto_on_promise: self.one_yocto_on_promise,
        }
    }
}

/// The figures of `prices`: how often each stands in a row, and which.
fn counted(prices: &Prices) -> Vec<(u64, u64)> {
    let mut counted: Vec<(u64, u64)> = Vec::new();
    for figure in prices.figures() {
        match counted.last_mut() {
            Some((times, last)) if *last == figure => *times = times.saturating_add(1),
            _ => counted.push((1, figure)),
        }
    }
    counted
}

fn price(cost: Cost) -> Price {
    [cost.gas.units(), cost.compute]
}

fn cost_of([gas, compute]: Price) -> Cost {
    Cost { gas: Gas::new(gas), compute }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ModuleLimits", deny_unknown_fields)]
struct ModuleLimitsData {
    initial_memory_pages: u32,
    max_memory_pages: u32,
    functions: Option<u64>,
    locals: Option<u64>,
    bytes_per_local: Option<u64>,
    types: Option<u64>,
    globals: Option<u64>,
    tables: Option<u32>,
    table_elements: Option<u64>,
    function_body_bytes: Option<u64>,
    instrumented_bytes: Option<u64>,
    #[serde(with = "MeteringLimitsData")]
    metering: MeteringLimits,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "MeteringLimits", deny_unknown_fields)]
struct MeteringLimitsData {
    stack_bytes: u32,
    blocks_per_function: Option<u64>,
    blocks_per_module: Option<u64>,
    params_per_function: Option<u64>,
    params_per_module: Option<u64>,
    operand_stack_bytes_per_function: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "common::Limits", deny_unknown_fields)]
struct CommonLimitsData {
    max_register_bytes: u64,
    max_registers: u64,
    registers_memory_bytes: u64,
    max_logs: u64,
    max_total_log_bytes: u64,
    max_output_bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Limits", deny_unknown_fields)]
struct LimitsData {
    #[serde(with = "gas")]
    max_gas_burnt: Gas,
    max_contract_bytes: u64,
    max_storage_key_bytes: u64,
    max_storage_value_bytes: u64,
    inline_value_bytes: u64,
    max_promises: u64,
    max_input_data_dependencies: u64,
    max_yield_payload_bytes: u64,
    max_storage_proof_bytes: u64,
}
