//! Times in turns, and the tables that are made of them.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::sides::Side;

/// Measures something once.
pub(crate) type Turn<'a> = Box<dyn FnMut() -> Result<Duration> + 'a>;

/// How long the work takes.
pub(crate) fn time(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// What a side may take for a row after its second turn.
const ENOUGH: Duration = Duration::from_secs(3);

/// The shortest times of `runs` turns, in which each side has its turn, so that all meet the same
/// machine. The first turn is not counted. Who is slow has fewer.
pub(crate) fn shortest(runs: u32, turns: &mut [(Side, Turn<'_>)]) -> Result<Figures> {
    let mut times = vec![(Duration::ZERO, Duration::MAX); turns.len()];
    for run in 0..=runs {
        for ((_, turn), (spent, shortest)) in turns.iter_mut().zip(&mut times) {
            if run > 1 && *spent > ENOUGH {
                continue;
            }
            let start = Instant::now();
            let took = turn()?;
            *spent += start.elapsed();
            if run > 0 {
                *shortest = took.min(*shortest);
            }
        }
    }
    let figures = turns.iter().zip(times);
    Ok(Figures(figures.map(|((side, _), (_, time))| (*side, time.as_secs_f64())).collect()))
}

/// A figure of each side that has one.
pub(crate) struct Figures(pub(crate) Vec<(Side, f64)>);

impl Figures {
    /// The same in another unit.
    pub(crate) fn map(self, unit: impl Fn(f64) -> f64) -> Self {
        Figures(self.0.into_iter().map(|(side, figure)| (side, unit(figure))).collect())
    }

    fn of(&self, side: Side) -> Option<f64> {
        self.0.iter().find(|(other, _)| *other == side).map(|(_, figure)| *figure)
    }
}

/// A table with a column for each side.
pub(crate) struct Table<'s> {
    sides: &'s [Side],
}

impl<'s> Table<'s> {
    /// Prints its head.
    pub(crate) fn start(title: &str, sides: &'s [Side]) -> Self {
        let names: Vec<String> = sides.iter().map(ToString::to_string).collect();
        println!("\n| {title} | {} |", names.join(" | "));
        println!("|---|{}", "--:|".repeat(sides.len()));
        Table { sides }
    }

    /// Prints a row: each figure, and in brackets what it is of the first side's.
    pub(crate) fn row(&self, name: &str, figures: &Figures) {
        let first = self.sides.first().and_then(|side| figures.of(*side));
        let cells: Vec<String> = { self.sides.iter() }
            .map(|side| match (figures.of(*side), first) {
                (None, _) => "–".to_owned(),
                (Some(figure), Some(first)) if *side != self.sides[0] => {
                    format!("{} ({:.2})", short(figure), figure / first)
                }
                (Some(figure), _) => short(figure),
            })
            .collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
}

/// Three digits, or all before the point.
fn short(figure: f64) -> String {
    let digits = match figure {
        f if f < 10.0 => 2,
        f if f < 100.0 => 1,
        _ => 0,
    };
    format!("{figure:.digits$}")
}
