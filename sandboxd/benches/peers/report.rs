//! The measured figures as a table, for the terminal and for the documentation.

use std::fmt::Write as _;
use std::time::Duration;

/// Rows of sandboxd's figure, anvil's figure and how much better the first is.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 4]>,
    notes: Vec<String>,
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

    pub(crate) fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
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
        for note in &self.notes {
            let _ = write!(table, "\n{note}\n");
        }
        table
    }
}
