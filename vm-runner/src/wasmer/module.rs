//! A compiled module, and the instances that wait for its next call.

use std::sync::{Arc, OnceLock};

use gas_meter::instrument::abi;
use host_fns::abi::{Host, HostFn};
use parking_lot::Mutex;
use wasmer::{Engine, Module};

use super::instance::Linked;
use super::memory::Image;
use super::raw::RawGlobal;
use crate::boundary::{Guest, Remaining};
use crate::prepare::Counting;
use crate::{Artifact, LoadedModule, Run, VmFault};

/// So many instances are kept, for calls from as many threads.
const MOST_IDLE: usize = 2;

pub(super) struct WasmerModule<H: Host> {
    /// As if they were new.
    idle: Mutex<Vec<Linked<H>>>,
    /// Of a new memory, once there was one; `None` in it when no instance can be wiped.
    image: OnceLock<Option<Image>>,
    pub(super) engine: Engine,
    pub(super) code: Module,
    /// In the order of the module's imports.
    pub(super) imports: Vec<&'static HostFn<H>>,
    pub(super) has_start: bool,
    counting: Counting,
    /// The places of the injected globals among the module's.
    pub(super) gas_index: usize,
    pub(super) stack_index: usize,
    /// The memory that it takes, without idle instances.
    bytes: usize,
}

impl<H: Host> WasmerModule<H> {
    pub(super) fn loaded(
        engine: Engine,
        code: Module,
        imports: Vec<&'static HostFn<H>>,
        has_start: bool,
        counting: Counting,
        bytes: usize,
    ) -> Result<Arc<dyn LoadedModule<H>>, VmFault> {
        let index = |name: &str| {
            let missing = || VmFault::Engine(format!("a module without `{name}`"));
            RawGlobal::index(&code, name).ok_or_else(missing)
        };
        let (gas_index, stack_index) = (index(abi::REMAINING_GAS)?, index(abi::REMAINING_STACK)?);
        let info = code.info();
        // A passive segment that was dropped cannot be brought back.
        let has_passive = !info.passive_data.is_empty() || !info.passive_elements.is_empty();
        let image = if has_passive { OnceLock::from(None) } else { OnceLock::new() };
        Ok(Arc::new(WasmerModule {
            idle: Mutex::default(),
            image,
            engine,
            code,
            imports,
            has_start,
            counting,
            gas_index,
            stack_index,
            bytes,
        }))
    }

    /// What a new memory holds; `make` finds out from one. `None` when no instance can be wiped.
    pub(super) fn image(&self, make: impl FnOnce() -> Option<Image>) -> Option<&Image> {
        self.image.get_or_init(make).as_ref()
    }

    /// Keeps an instance that was called, if it can be made as new.
    fn keep(&self, mut instance: Linked<H>) {
        let Some(Some(image)) = self.image.get() else { return };
        if self.idle.lock().len() < MOST_IDLE && instance.wipe(image) {
            let mut idle = self.idle.lock();
            if idle.len() < MOST_IDLE {
                idle.push(instance);
            }
        }
    }
}

impl<H: Host> LoadedModule<H> for WasmerModule<H> {
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault> {
        let guest = Guest::new(host, self.counting);
        let idle = self.idle.lock().pop();
        let new = match idle {
            Some(instance) => Ok(instance),
            None => Linked::new(self)?,
        };
        let mut instance = match new {
            Ok(instance) => instance,
            Err(trap) => {
                return guest.finish(Err(trap), Remaining { gas: 0, stack: 0, inexact: false });
            }
        };
        // After a fault or a panic nobody knows what the instance is like: it is not kept.
        let (guest, end, remaining) = instance.call(entry, guest)?;
        let run = guest.finish(end, remaining)?;
        self.keep(instance);
        Ok(run)
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn artifact(&self) -> Result<Artifact, VmFault> {
        let code = self.code.serialize().map_err(|error| VmFault::Engine(error.to_string()))?;
        let (has_start, counting) = (self.has_start, self.counting);
        Ok(Artifact { code: code.to_vec(), has_start, counting })
    }
}
