//! What turns measurements into gas. All of it is here; another chain brings its own
//! [`Constants`].

use serde::{Deserialize, Serialize};

use crate::metric::{Io, Metric};

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

    /// How much of `metric` bytes stand for that are read from disk and written to it. The clock has seen
    /// what they take.
    pub fn amount_of_io(&self, metric: Metric, io: Io) -> f64 {
        match metric {
            Metric::Instructions => {
                let gas = io.read * self.gas_per_byte_read + io.written * self.gas_per_byte_written;
                gas / self.gas_per_instruction
            }
            Metric::Time => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Constants;
    use crate::metric::{Io, Metric};

    #[test]
    fn both_metrics_agree_where_eight_instructions_take_a_nanosecond() {
        let near = Constants::NEAR;
        assert!((near.gas(Metric::Time, 1.0) - 3e6).abs() < 1e-3);
        assert!((near.gas(Metric::Instructions, 8.0) - 3e6).abs() < 1e-3);
    }

    #[test]
    fn a_byte_of_a_file_stands_for_instructions_and_takes_no_time_twice() {
        let amount =
            |metric, read, written| Constants::NEAR.amount_of_io(metric, Io { read, written });
        assert!((amount(Metric::Instructions, 10.0, 0.0) - 270.0).abs() < 1e-9);
        assert!((amount(Metric::Instructions, 1.0, 10.0) - 497.0).abs() < 1e-9);
        assert!(amount(Metric::Time, 10.0, 10.0).abs() < 1e-9);
    }
}
