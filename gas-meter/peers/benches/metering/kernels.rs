//! What is run: small modules in the shape that compilers write.

/// A module whose export `run` computes an `i32` from how much it is to do.
pub(crate) struct Kernel {
    /// As the tables name it.
    pub(crate) name: &'static str,
    text: &'static str,
    /// Makes `run` take a few milliseconds without metering.
    pub(crate) argument: i32,
}

impl Kernel {
    /// The module in binary form.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        match wat::parse_str(self.text) {
            Ok(wasm) => wasm,
            Err(error) => panic!("kernels/{}.wat: {error}", self.name),
        }
    }
}

macro_rules! kernel {
    ($name:literal, $argument:literal) => {
        Kernel {
            name: $name,
            text: include_str!(concat!("kernels/", $name, ".wat")),
            argument: $argument,
        }
    };
}

/// All kernels.
pub(crate) fn all() -> [Kernel; 6] {
    [
        kernel!("loop", 3_000_000),
        kernel!("matrix", 80),
        kernel!("sha", 8_000),
        kernel!("fib", 28),
        kernel!("parser", 4_000),
        kernel!("memory", 700),
    ]
}
