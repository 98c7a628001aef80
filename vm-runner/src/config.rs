//! [`VmConfig`]: all that decides what a module may be and what its instructions cost, as plain
//! data without defaults: a chain that forgets a field does not compile.

use gas_meter::CostId;
use gas_meter::instrument::{Limits as MeteringLimits, Prices};
use host_fns::abi::FeatureSet;
use sha2::{Digest, Sha256};

/// How modules are checked, metered and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmConfig {
    /// What a module may contain.
    pub limits: ModuleLimits,
    /// Which WebAssembly proposals a module may use.
    pub wasm: WasmProposals,
    /// The only module that a contract may import from: `env` on NEAR.
    pub import_module: &'static str,
    /// What instructions cost.
    pub prices: Prices,
    /// Which host functions exist.
    pub host_features: FeatureSet,
    /// What loading a contract costs; `None` where it is free.
    pub loading: Option<LoadingCosts>,
}

/// The prices of loading a contract, charged before its entry point is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadingCosts {
    /// Each call.
    pub base: CostId,
    /// Each byte of the contract's wasm.
    pub byte: CostId,
}

/// The proposals beyond WebAssembly 1.0 with sign extension and saturating conversions, which are
/// always on. Multiple values, SIMD, threads, tail calls and all later ones are always off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmProposals {
    /// None.
    Basic,
    /// Reference types and bulk memory.
    ReferenceTypesAndBulkMemory,
}

/// Bounds on a module; `None` is no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// Pages of memory that each module starts with, whatever it declares.
    pub initial_memory_pages: u32,
    /// Pages to which it can grow.
    pub max_memory_pages: u32,
    /// Functions, imported ones included.
    pub functions: Option<u64>,
    /// Locals of all functions, without parameters.
    pub locals: Option<u64>,
    /// Bytes of wasm that a module must have for each local.
    pub bytes_per_local: Option<u64>,
    /// Entries of the type section.
    pub types: Option<u64>,
    /// Globals.
    pub globals: Option<u64>,
    /// Tables.
    pub tables: Option<u32>,
    /// Elements of one table, initially and grown.
    pub table_elements: Option<u64>,
    /// Bytes of one function body.
    pub function_body_bytes: Option<u64>,
    /// Bytes of the metered module as near-vm-runner would write it
    /// ([`Metered::reference_bytes`](gas_meter::instrument::Metered)).
    pub instrumented_bytes: Option<u64>,
    /// Bounds that are checked while metering, and the metered stack.
    pub metering: MeteringLimits,
}

/// Names one configuration or engine in cache keys: equal fingerprints, equal artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl VmConfig {
    /// Names what decides how a module is prepared and linked. [`VmConfig::loading`] does not.
    pub fn fingerprint(&self) -> Fingerprint {
        let VmConfig { limits, wasm, import_module, prices, host_features, loading: _ } = self;
        let mut fields = Fields(Sha256::new());
        limits.write(&mut fields);
        fields.0.update(Sha256::digest(import_module));
        fields.add(match wasm {
            WasmProposals::Basic => 0,
            WasmProposals::ReferenceTypesAndBulkMemory => 1,
        });
        for figure in prices.figures() {
            fields.add(figure);
        }
        fields.add(host_features.bits());
        Fingerprint(fields.0.finalize().into())
    }
}

impl ModuleLimits {
    fn write(&self, fields: &mut Fields) {
        let ModuleLimits {
            initial_memory_pages,
            max_memory_pages,
            functions,
            locals,
            bytes_per_local,
            types,
            globals,
            tables,
            table_elements,
            function_body_bytes,
            instrumented_bytes,
            metering,
        } = self;
        let MeteringLimits {
            stack_bytes,
            blocks_per_function,
            blocks_per_module,
            params_per_function,
            params_per_module,
            operand_stack_bytes_per_function,
        } = metering;
        for value in [initial_memory_pages, max_memory_pages, stack_bytes] {
            fields.add(u64::from(*value));
        }
        for value in [
            functions,
            locals,
            bytes_per_local,
            types,
            globals,
            &tables.map(u64::from),
            table_elements,
            function_body_bytes,
            instrumented_bytes,
            blocks_per_function,
            blocks_per_module,
            params_per_function,
            params_per_module,
            operand_stack_bytes_per_function,
        ] {
            fields.add(u64::from(value.is_some())).add(value.unwrap_or_default());
        }
    }
}

/// Fields of a fixed width in a fixed order, hashed.
struct Fields(Sha256);

impl Fields {
    fn add(&mut self, value: u64) -> &mut Self {
        self.0.update(value.to_le_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use gas_meter::instrument::{FlatSchedule, FrameSizes};

    use super::*;

    fn config() -> VmConfig {
        VmConfig {
            limits: ModuleLimits {
                initial_memory_pages: 1,
                max_memory_pages: 2,
                functions: None,
                locals: None,
                bytes_per_local: None,
                types: None,
                globals: None,
                tables: None,
                table_elements: None,
                function_body_bytes: None,
                instrumented_bytes: None,
                metering: MeteringLimits {
                    stack_bytes: 1024,
                    blocks_per_function: None,
                    blocks_per_module: None,
                    params_per_function: None,
                    params_per_module: None,
                    operand_stack_bytes_per_function: None,
                },
            },
            wasm: WasmProposals::Basic,
            import_module: "env",
            prices: Prices::new(&FlatSchedule {
                regular_op: 1,
                linear_base: 2,
                linear_unit: 3,
                frame: FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 },
            })
            .expect("small prices"),
            host_features: FeatureSet::NONE,
            loading: None,
        }
    }

    #[test]
    fn the_fingerprint_tells_no_bound_from_a_bound_of_zero() {
        let mut other = config();
        other.limits.types = Some(0);
        assert_ne!(config().fingerprint(), other.fingerprint());
        let mut shifted = config();
        shifted.limits.globals = Some(0);
        assert_ne!(other.fingerprint(), shifted.fingerprint());
    }

    #[test]
    fn the_price_of_loading_does_not_change_artifacts() {
        let mut other = config();
        other.loading = Some(LoadingCosts { base: CostId(1), byte: CostId(2) });
        assert_eq!(config().fingerprint(), other.fingerprint());
    }
}
