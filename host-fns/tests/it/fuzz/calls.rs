//! Which function is called, and with which arguments: mostly such that the call gets far.

use arbitrary::{Result, Unstructured};
use host_fns::abi::{AbiType, HostFn, HostFnDecl};
use host_fns::near::NearHost;

use crate::guest::{MEMORY_BYTES, functions};
use crate::scene::{NUMBERS, ZEROS, good_argument};
use crate::survey::{EDGES, PLACES, pointer_of};
use crate::world::World;

/// A number of a promise or result that may be there.
const PROMISES: u64 = 3;

/// A number of a register that may be there.
const REGISTERS: u64 = 10;

/// The place of a number that is one.
const ONE: u64 = NUMBERS + 8;

pub(super) fn function(random: &mut Unstructured<'_>) -> Result<&'static HostFn<NearHost<World>>> {
    // What promises are filled with is most of the table's use, and needs a promise to succeed.
    if random.ratio(1, 3)? {
        let is_action =
            |it: &&HostFn<NearHost<World>>| it.decl.name.starts_with("promise_batch_action");
        let actions: Vec<_> = functions().iter().filter(is_action).collect();
        return random.choose(&actions).copied();
    }
    random.choose(functions())
}

pub(super) fn arguments(random: &mut Unstructured<'_>, decl: &HostFnDecl) -> Result<Vec<u64>> {
    let mut args = Vec::new();
    for (name, _) in decl.params {
        args.push(sound(random, decl, name)?);
    }
    // Most calls have one thing wrong with them, or nothing; some have many.
    let wrongs = *random.choose(&[0, 0, 0, 1, 1, 1, 1, 9])?;
    for _ in 0..wrongs.min(decl.params.len()) {
        let at = random.choose_index(decl.params.len())?;
        args[at] = wrong(random, decl.params[at].0)?;
    }
    for (at, (name, ty)) in decl.params.iter().enumerate() {
        // A register in place of memory.
        if let Some(pointer) = pointer_of(decl, name)
            && random.ratio(1, 12)?
        {
            args[at] = u64::MAX;
            args[pointer] = random.int_in_range(0..=REGISTERS)?;
        }
        if *ty == AbiType::U32 {
            args[at] &= u64::from(u32::MAX);
        }
    }
    Ok(args)
}

/// An argument as it should be.
fn sound(random: &mut Unstructured<'_>, decl: &HostFnDecl, name: &str) -> Result<u64> {
    if name.contains("register_id") {
        return random.int_in_range(0..=REGISTERS);
    }
    if name.starts_with("promise_ind") || name.ends_with("_idx") {
        return random.int_in_range(0..=PROMISES);
    }
    if name == "amount_ptr" {
        // Nothing, or very little.
        return random.choose(&[ZEROS, ONE]).copied();
    }
    Ok(good_argument(decl.name, name))
}

fn wrong(random: &mut Unstructured<'_>, name: &str) -> Result<u64> {
    let memory = MEMORY_BYTES as u64;
    match random.int_in_range(0..=6)? {
        0 => random.arbitrary(),
        1 => random.choose(EDGES).copied(),
        2 => random.int_in_range(0..=memory + 8),
        3 if name.ends_with("ptr") => Ok(memory - random.int_in_range(0..=70)?),
        4 | 5 if name.ends_with("ptr") => random.choose(PLACES).copied(),
        _ => random.int_in_range(0..=120),
    }
}
