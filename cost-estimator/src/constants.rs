//! What turns measurements into gas. All of it is here; another chain brings its own
//! [`Constants`].

use serde::{Deserialize, Serialize};

use crate::metric::Metric;

/// How much gas stands for what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// Gas for a nanosecond.
    pub gas_per_nanosecond: f64,
    /// Gas for an instruction.
    pub gas_per_instruction: f64,
    /// Gas for a byte that is read from disk.
    pub gas_per_byte_read: f64,
    /// Gas for a byte that is written to disk.
    pub gas_per_byte_written: f64,
    /// How many times dearer than measured a price is set, for slower machines, unlucky inputs, and
    /// what gets slower before anybody notices.
    pub safety_factor: f64,
}

impl Constants {
    /// NEAR's, of nearcore's `runtime-params-estimator` (`estimator_params.rs`): a second of chain
    /// time is 10¹⁵ gas; eight instructions take as long as a nanosecond; a byte read from disk as
    /// long as 27 instructions, a byte written as 47. The safety factor is that of its fee tables.
    pub const NEAR: Constants = Constants {
        gas_per_nanosecond: 1e6,
        gas_per_instruction: 1e6 / 8.0,
        gas_per_byte_read: 27e6 / 8.0,
        gas_per_byte_written: 47e6 / 8.0,
        safety_factor: 3.0,
    };

    /// The gas of `amount` of `metric`, with the safety factor.
    pub fn gas(&self, metric: Metric, amount: f64) -> f64 {
        let per_unit = match metric {
            Metric::Instructions => self.gas_per_instruction,
            Metric::Time => self.gas_per_nanosecond,
        };
        amount * per_unit * self.safety_factor
    }

    /// The gas of bytes that are read from disk and written to it, with the safety factor.
    pub fn gas_of_io(&self, read: f64, written: f64) -> f64 {
        (read * self.gas_per_byte_read + written * self.gas_per_byte_written) * self.safety_factor
    }
}

#[cfg(test)]
mod tests {
    use super::Constants;
    use crate::metric::Metric;

    #[test]
    fn both_metrics_agree_where_eight_instructions_take_a_nanosecond() {
        let near = Constants::NEAR;
        assert!((near.gas(Metric::Time, 1.0) - 3e6).abs() < 1e-3);
        assert!((near.gas(Metric::Instructions, 8.0) - 3e6).abs() < 1e-3);
        assert!((near.gas_of_io(8.0, 0.0) - 81e6).abs() < 1e-3);
    }
}
