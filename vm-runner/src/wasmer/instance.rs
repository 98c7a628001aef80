//! An instance with a store of its own: it is called, made as new, and called again.

use std::collections::BTreeMap;

use gas_meter::instrument::abi;
use host_fns::abi::Host;
use wasmer::{
    AsStoreMut, ExportError, Extern, FunctionEnv, Global, Instance, Memory, Store, TypedFunction,
    Value,
};
use wasmer_types::Mutability;

use super::link::{self, Env, Handles};
use super::memory::{Hot, Image};
use super::module::WasmerModule;
use super::raw::{Places, RawGlobal, RawMemory, RawTable};
use super::trap;
use crate::boundary::{Guest, Remaining};
use crate::prepare::{ENTRY_PREFIX, MEMORY};
use crate::{VmFault, WasmTrap};

/// Why the engine ended: a trap, or `None` when a host function stopped the guest.
type Ended = Result<(), Option<WasmTrap>>;

/// A function of the guest without parameters and results.
type Entry = TypedFunction<(), ()>;

/// An instance that can be called.
pub(super) struct Linked<H: Host> {
    store: Store,
    instance: Instance,
    env: FunctionEnv<Env<H>>,
    gas: RawGlobal,
    stack: RawGlobal,
    inexact: Global,
    start: Option<Entry>,
    /// Those that were called.
    entries: BTreeMap<String, Entry>,
    /// How to make it as new; `None` when it is to be called once.
    origin: Option<Origin>,
}

impl<H: Host> Linked<H> {
    /// A new instance of `module`, or why there is none: a segment that does not fit traps.
    pub(super) fn new(module: &WasmerModule<H>) -> Result<Result<Self, Option<WasmTrap>>, VmFault> {
        let mut store = Store::new(module.engine.clone());
        let env = FunctionEnv::new(&mut store, Env { guest: None, instance: None });
        let imports: Vec<Extern> = module
            .imports
            .iter()
            .map(|function| link::link(&mut store, &env, function).into())
            .collect();
        let (instance, places) = Places::of(|| {
            Instance::new_by_index(&mut store, &module.code, &imports)
                .map_err(trap::classify_instantiation)
        });
        let instance = match instance {
            Ok(instance) => instance,
            Err(trap) => return trap.map(Err),
        };
        let global = |store: &mut Store, index| {
            RawGlobal::find(store, index).ok_or_else(|| fault("a global of metering is missing"))
        };
        let gas = global(&mut store, module.gas_index)?;
        let stack = global(&mut store, module.stack_index)?;
        let memory = places.memory().ok_or_else(|| fault("no memory"))?;
        env.as_mut(&mut store).instance = Some(Handles { memory, gas });
        let inexact = instance.exports.get_global(abi::INEXACT).map_err(missing)?.clone();
        let start = module.has_start.then(|| entry(&store, &instance, abi::START)).transpose()?;
        let origin = Origin::of(module, &mut store, &instance, memory, &places)?;
        let entries = BTreeMap::new();
        Ok(Ok(Linked { store, instance, env, gas, stack, inexact, start, entries, origin }))
    }

    /// Runs the start function, if there is one, and then `entry`.
    pub(super) fn call(
        &mut self,
        entry: &str,
        mut guest: Guest<H>,
    ) -> Result<(Guest<H>, Ended, Remaining), VmFault> {
        if !self.entries.contains_key(entry) {
            let export = format!("{ENTRY_PREFIX}{entry}");
            let function = self::entry(&self.store, &self.instance, &export)?;
            self.entries.insert(entry.to_owned(), function);
        }
        let store = &mut self.store;
        self.gas.set(store, guest.grant());
        self.env.as_mut(store).guest = Some(guest);
        let mut end = Ok(());
        for function in self.start.iter().chain(self.entries.get(entry)) {
            if let Err(error) = function.call(store) {
                end = Err(trap::classify(error)?);
                break;
            }
        }
        // Only a trap can leave it set.
        let inexact = end.is_err() && self.inexact.get(store) != Value::I32(0);
        let (gas, stack) = (self.gas.get(store), self.stack.get(store));
        let guest = self.env.as_mut(store).guest.take().ok_or_else(|| fault("no guest"))?;
        Ok((guest, end, Remaining { gas, stack, inexact }))
    }

    /// Makes the instance as new. False when that cannot be done: it must not be called again.
    pub(super) fn wipe(&mut self, image: &Image) -> bool {
        self.origin.as_mut().is_some_and(|origin| origin.restore(&mut self.store, image))
    }
}

/// What a new instance holds, but for its memory.
struct Origin {
    /// The mutable ones, by their place in the store.
    globals: Vec<(usize, u128)>,
    tables: Vec<RawTable>,
    bytes: RawMemory,
    memory: Memory,
    hot: Hot,
}

impl Origin {
    /// That of `instance`, which is new. `None` if it cannot be wiped.
    fn of<H: Host>(
        module: &WasmerModule<H>,
        store: &mut Store,
        instance: &Instance,
        bytes: RawMemory,
        places: &Places,
    ) -> Result<Option<Self>, VmFault> {
        let Some(image) = module.image(|| places.image(bytes.bytes(store))) else {
            return Ok(None);
        };
        let tables = places.tables(store).ok_or_else(|| fault("a table is nowhere"))?;
        let memory = instance.exports.get_memory(MEMORY).map_err(missing)?.clone();
        let objects = store.objects_mut();
        let values = objects.as_u128_globals().into_iter();
        let globals = objects
            .iter_globals()
            .zip(values)
            .enumerate()
            .filter(|(_, (global, _))| global.ty().mutability == Mutability::Var)
            .map(|(index, (_, value))| (index, value))
            .collect();
        Ok(Some(Origin { globals, tables, bytes, memory, hot: Hot::new(image) }))
    }

    fn restore(&mut self, store: &mut Store, image: &Image) -> bool {
        for (index, value) in &self.globals {
            store.objects_mut().set_global_unchecked(*index, *value);
        }
        // What is behind the smallest size is wiped before it is cut off.
        self.tables.iter().all(|table| table.wipe(store))
            && self.hot.wipe(self.bytes.bytes(store), image)
            && self.memory.reset(store).is_ok()
    }
}

fn entry(store: &Store, instance: &Instance, name: &str) -> Result<Entry, VmFault> {
    instance.exports.get_typed_function(store, name).map_err(missing)
}

#[allow(clippy::needless_pass_by_value, reason = "it maps errors")]
fn missing(error: ExportError) -> VmFault {
    VmFault::Engine(error.to_string())
}

fn fault(why: &str) -> VmFault {
    VmFault::Engine(why.to_owned())
}
