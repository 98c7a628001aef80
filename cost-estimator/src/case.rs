//! A case is one kind of work at several sizes. It says how to prepare it, outside of what is
//! counted, and how many units of which costs it is.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

/// Units of costs, by the costs' names.
pub type Units = BTreeMap<String, f64>;

/// How much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How often it is done.
    pub calls: u64,
    /// How much each time: bytes, elements.
    pub each: u64,
}

/// What is done while a counter runs. What it returns is dropped after counting; where it fails there is no
/// measurement, but the reason.
pub type Work = Box<dyn FnOnce() -> anyhow::Result<Box<dyn Any>>>;

/// Work that is ready to be done.
pub struct Prepared {
    /// What it is worth.
    pub units: Units,
    /// Does it.
    pub run: Work,
    /// The same work without what is priced, if there is such: it is counted too, and subtracted.
    pub rest: Option<Work>,
}

type Prepare = Box<dyn Fn(Size) -> anyhow::Result<Prepared> + Send + Sync>;

/// One kind of work, by which one or more costs are priced together.
pub struct Case {
    /// What reports call it.
    pub name: String,
    /// The costs that it prices.
    pub prices: Vec<String>,
    /// Costs that are part of the work and have cases of their own: what they take is subtracted.
    pub minus: Vec<String>,
    /// The sizes to measure.
    pub sizes: Vec<Size>,
    /// Whether it reads files or writes them: the bytes are counted too.
    pub does_io: bool,
    /// Where it is written, for reports of doubtful measurements.
    pub at: &'static Location<'static>,
    prepare: Prepare,
}

impl Case {
    /// A case that prices `prices` by the work that `prepare` makes ready.
    #[track_caller]
    pub fn new(
        name: impl Into<String>,
        prices: &[&str],
        sizes: Vec<Size>,
        prepare: impl Fn(Size) -> anyhow::Result<Prepared> + Send + Sync + 'static,
    ) -> Self {
        Case {
            name: name.into(),
            prices: prices.iter().map(|price| (*price).to_owned()).collect(),
            minus: Vec::new(),
            sizes,
            does_io: false,
            at: Location::caller(),
            prepare: Box::new(prepare),
        }
    }

    /// The same, without what these costs take, which are priced elsewhere.
    #[must_use]
    pub fn minus(mut self, costs: &[&str]) -> Self {
        self.minus = costs.iter().map(|cost| (*cost).to_owned()).collect();
        self
    }

    /// The same, with the bytes of files that are read and written.
    #[must_use]
    pub fn on_disk(self) -> Self {
        Case { does_io: true, ..self }
    }

    /// The same, written at `at`: for cases that a table makes.
    #[must_use]
    pub fn written_at(mut self, at: &'static Location<'static>) -> Self {
        self.at = at;
        self
    }

    /// Makes the work of `size` ready.
    pub fn prepare(&self, size: Size) -> anyhow::Result<Prepared> {
        (self.prepare)(size)
    }
}

impl Prepared {
    /// Work that `run` does, worth `units`.
    pub fn new<T: 'static>(
        units: Units,
        run: impl FnOnce() -> anyhow::Result<T> + 'static,
    ) -> Self {
        Prepared { units, run: Box::new(move || Ok(Box::new(run()?))), rest: None }
    }

    /// The same, worth `units`.
    #[must_use]
    pub fn worth(self, units: Units) -> Self {
        Prepared { units, ..self }
    }

    /// The same, without what `rest` takes: the work as it would be without what is priced. Where
    /// there is such work, this tells small prices apart that a subtracted price would drown.
    #[must_use]
    pub fn without(self, rest: Prepared) -> Self {
        Prepared { rest: Some(rest.run), ..self }
    }
}

/// Units of the costs that are named.
pub fn units(of: &[(&str, u64)]) -> Units {
    of.iter().map(|(name, units)| ((*name).to_owned(), crate::real(*units))).collect()
}

/// Work that is done once, twice, four and eight times.
pub fn repeated() -> Vec<Size> {
    [1, 2, 4, 8].map(|calls| Size { calls, each: 0 }).to_vec()
}

/// Work of each of these sizes, once and four times.
pub fn sized(each: &[u64]) -> Vec<Size> {
    grid(&[1, 4], each)
}

/// Work of each of these sizes, so often that what the allocator does now and then is lost in it.
pub fn often(each: &[u64]) -> Vec<Size> {
    grid(&[32, 256], each)
}

/// Work of each of these sizes, each as often as is said.
pub fn grid(calls: &[u64], each: &[u64]) -> Vec<Size> {
    let of = |calls: &u64| {
        let calls = *calls;
        each.iter().map(move |each| Size { calls, each: *each })
    };
    calls.iter().flat_map(of).collect()
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("units", &self.units).finish_non_exhaustive()
    }
}
