//! The measured figures as a table, for the terminal and for the documentation.

use std::fmt::Write as _;
use std::time::Duration;

use crate::load::Outcome;

/// Rows of sandboxd's figure, anvil's figure and how much better the first is.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 4]>,
}

impl Report {
    pub(crate) fn time(&mut self, what: &str, times: [Duration; 2]) {
        let [ours, theirs] = times.map(|time| time.as_secs_f64() * 1e3);
        self.row(what, [ours, theirs], theirs / ours);
    }

    pub(crate) fn memory(&mut self, what: &str, kib: [u32; 2]) {
        let [ours, theirs] = kib.map(|kib| f64::from(kib) / 1024.0);
        self.row(what, [ours, theirs], theirs / ours);
    }

    pub(crate) fn rate(&mut self, what: &str, rates: [f64; 2]) {
        self.row(what, rates, rates[0] / rates[1]);
    }

    fn row(&mut self, what: &str, figures: [f64; 2], ratio: f64) {
        let [ours, theirs] = figures.map(|figure| {
            if figure < 100.0 { format!("{figure:.1}") } else { format!("{figure:.0}") }
        });
        self.rows.push([what.to_owned(), ours, theirs, format!("{ratio:.1} times")]);
    }

    pub(crate) fn table(&self) -> String {
        let mut table = String::from("| | sandboxd | anvil | better by |\n|---|--:|--:|--:|\n");
        for row in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "| {} |", row.join(" | "));
        }
        table
    }
}

/// Rates of both nodes at a number of connections, with those of the echo server.
#[derive(Default)]
pub(crate) struct Comparison {
    rows: Vec<String>,
}

impl Comparison {
    pub(crate) fn row(
        &mut self,
        what: &str,
        connections: usize,
        [ours, theirs]: [Outcome; 2],
        ceiling: Option<Outcome>,
    ) {
        let of_ceiling = ceiling.map_or_else(
            || "– | –".to_owned(),
            |ceiling| {
                let percent = 100.0 * ours.per_second / ceiling.per_second;
                format!("{:.0} | {percent:.0} %", ceiling.per_second)
            },
        );
        let micros =
            |outcome: Outcome| format!("{} / {}", outcome.p50.as_micros(), outcome.p99.as_micros());
        let row = format!(
            "| {what} | {connections} | {:.0} | {:.0} | {:.1} times | {of_ceiling} | {} | {} |",
            ours.per_second,
            theirs.per_second,
            ours.per_second / theirs.per_second,
            micros(ours),
            micros(theirs),
        );
        // A long run shows where it is.
        eprintln!("{row}");
        self.rows.push(row);
    }

    pub(crate) fn table(&self) -> String {
        let head = "| per second | connections | sandboxd | anvil | better by | echo | of echo | p50 / p99, µs | anvil's |\n\
                    |---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
        let mut table = head.to_owned();
        for row in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{row}");
        }
        table
    }
}
