//! Random calls of random functions over whole executions: whatever a contract passes, the host
//! neither panics nor faults, keeps to its limits, to the contract's memory and to what the call
//! may write, and can go back to where it was.
//!
//! [`fuzz`] takes bytes, so that a coverage-guided fuzzer can drive it too.

mod calls;
mod rules;
mod start;

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use fixtures::{Rng, memory};
use host_fns::abi::{Abort, Host, HostFn, Memory};
use host_fns::near::{NearError, NearHost};

use crate::guest::{MEMORY_BYTES, function, functions};
use crate::scene;
use crate::world::World;

/// Executions that are tried; `FUZZ_CASES` asks for more.
const CASES: u64 = 150;

/// Bytes of randomness for one execution.
const BYTES: usize = 4_096;

/// Bytes on either side of the guest's memory.
const GUARD: usize = 256;

#[test]
fn random_calls_keep_all_rules() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("FUZZ_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FUZZ_CASES").unwrap_or(CASES),
    };
    let many = seeds.end - seeds.start >= CASES;
    let mut succeeded = BTreeSet::new();
    for seed in seeds {
        let data = Rng::new(seed).bytes(BYTES);
        let played = std::panic::catch_unwind(|| fuzz(&data));
        succeeded.extend(played.unwrap_or_else(|_| panic!("run again with FUZZ_SEED={seed}")));
    }
    // Or the rules say little.
    let can_succeed = |name: &str| {
        !name.starts_with("panic") && !name.starts_with("storage_iter") && name != "abort"
    };
    let names = functions().iter().map(|function| function.decl.name);
    let missed: Vec<_> =
        names.filter(|name| can_succeed(name) && !succeeded.contains(name)).collect();
    assert!(!many || missed.is_empty(), "never succeeded: {missed:?}");
}

/// Plays the execution that `data` stands for, twice, with different bytes around the guest's
/// memory: they must neither change nor matter. Gives the functions that succeeded.
pub(crate) fn fuzz(data: &[u8]) -> BTreeSet<&'static str> {
    let [once, again] = [0x00, 0xee].map(|guard| Play::new(data, guard).run());
    assert_eq!(once, again, "bytes outside the guest's memory matter");
    once.1
}

/// One execution.
struct Play<'a> {
    random: Unstructured<'a>,
    host: NearHost<World>,
    /// The guest's memory between two guards.
    memory: Vec<u8>,
    guard: u8,
    /// The registers that the guest has named.
    registers: BTreeSet<u64>,
    /// What the account had.
    money: u128,
    succeeded: BTreeSet<&'static str>,
}

/// How an execution ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It does not yet.
    Open,
    /// With a call that was refused.
    Refused,
}

impl<'a> Play<'a> {
    fn new(data: &'a [u8], guard: u8) -> Self {
        let mut random = Unstructured::new(data);
        let (host, money) = start::host(&mut random);
        let mut memory = vec![guard; GUARD + MEMORY_BYTES + GUARD];
        memory[GUARD..][..MEMORY_BYTES].copy_from_slice(&scene::memory());
        let (registers, succeeded) = (BTreeSet::new(), BTreeSet::new());
        Play { random, host, memory, guard, registers, money, succeeded }
    }

    /// Makes calls until one is refused for good or there is no randomness left. Gives all that is
    /// left of the execution, as text, and the functions that succeeded.
    fn run(mut self) -> (String, BTreeSet<&'static str>) {
        let (opening, before) = (self.host.checkpoint(), format!("{:?}", self.host));
        for (name, args) in start::FIRST_CALLS {
            let start = self.host.checkpoint();
            if self.call(function(name), args).is_err() {
                self.host.revert_to(start);
            }
        }
        let mut end = End::Open;
        while end == End::Open && !self.random.is_empty() {
            end = self.step().unwrap_or(End::Open);
        }
        let text = self.text();
        let closing = self.host.checkpoint();
        self.host.revert_to(opening);
        assert_eq!(before, format!("{:?}", self.host), "the start is not what it was");
        self.host.revert_to(closing);
        assert_eq!(text, self.text(), "the end is not what it was");
        if end == End::Open {
            rules::check_money(self.money, &self.host.into_parts());
        }
        (text, self.succeeded)
    }

    /// One call.
    fn step(&mut self) -> arbitrary::Result<End> {
        match self.random.int_in_range(0..=15)? {
            0 => self.scribble()?,
            1 => self.memory[GUARD..][..MEMORY_BYTES].copy_from_slice(&scene::memory()),
            _ => {}
        }
        let function = calls::function(&mut self.random)?;
        let args = calls::arguments(&mut self.random, &function.decl)?;
        self.registers.extend(&args);
        let start = self.host.checkpoint();
        let result = if self.random.ratio(1, 8)? {
            self.call_twice(function, &args)
        } else {
            self.call(function, &args)
        };
        if result.is_err() && self.random.ratio(1, 64)? {
            return Ok(End::Refused);
        }
        if result.is_ok() {
            self.succeeded.insert(function.decl.name);
        } else {
            // As if this call had never been made.
            self.host.revert_to(start);
        }
        Ok(End::Open)
    }

    /// Puts random bytes somewhere into the guest's memory.
    fn scribble(&mut self) -> arbitrary::Result<()> {
        let at = GUARD + self.random.choose_index(MEMORY_BYTES - 8)?;
        self.memory[at..at + 8].copy_from_slice(&self.random.arbitrary::<[u8; 8]>()?);
        Ok(())
    }

    /// The same call twice from the same moment: both end alike.
    fn call_twice(
        &mut self,
        function: &HostFn<NearHost<World>>,
        args: &[u64],
    ) -> Result<u64, NearError> {
        let (before, memory) = (self.text(), self.memory.clone());
        let start = self.host.checkpoint();
        let first = self.call(function, args);
        let (after, written) = (self.text(), std::mem::replace(&mut self.memory, memory));
        self.host.revert_to(start);
        let name = function.decl.name;
        assert_eq!(self.text(), before, "{name} is not taken back");
        let second = self.call(function, args);
        assert_eq!(first, second, "{name}");
        assert_eq!(self.text(), after, "{name} has other effects the second time");
        assert!(self.memory == written, "{name} writes something else the second time");
        second
    }

    fn call(&mut self, function: &HostFn<NearHost<World>>, args: &[u64]) -> Result<u64, NearError> {
        let before = rules::Before::new(&self.host, &self.memory[GUARD..][..MEMORY_BYTES]);
        let (host, guest) = (&mut self.host, &mut self.memory[GUARD..][..MEMORY_BYTES]);
        let (result, most) = memory::peak(|| (function.call)(host, &mut Memory::new(guest), args));
        let decl = &function.decl;
        let result = match result {
            Ok(value) => Ok(value),
            Err(Abort::Guest(error)) => Err(error),
            Err(Abort::Fault(fault)) => panic!("{} faults: {fault}", decl.name),
        };
        let after = &self.memory[GUARD..][..MEMORY_BYTES];
        rules::check_memory(decl, args, &result, &before, &self.host, after);
        rules::check_gas(decl, &before, &self.host);
        rules::check_limits(decl, &self.registers, &self.host);
        rules::check_error(decl, &result);
        rules::check_allocation(decl, most);
        let guards = [&self.memory[..GUARD], &self.memory[GUARD + MEMORY_BYTES..]];
        assert!(guards.concat().iter().all(|byte| *byte == self.guard), "{}", decl.name);
        result
    }

    /// All there is of the execution.
    fn text(&self) -> String {
        format!("{:?} {:?}", self.host, &self.memory[GUARD..][..MEMORY_BYTES])
    }
}
