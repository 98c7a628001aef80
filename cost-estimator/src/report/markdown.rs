//! The report to read: a folder with a page of Markdown, `report.md`, and the plot of each fit beside
//! it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::{Line, Outcome, Report, plot};
use crate::metric::Metric;

/// The page of the folder.
const PAGE: &str = "report.md";

/// Writes the report as a page with plots into `folder`, which is made if it is not there. Plots of a
/// report before are written over; other files stay.
///
/// # Errors
/// When a file cannot be written: the message names it.
pub fn write_folder(report: &Report, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    for line in &report.figures {
        write(&file_name(&line.cost), plot::svg(line, report.metric))?;
    }
    write(PAGE, page(report))
}

fn page(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# What costs take, and what protocol version {} charges\n",
        report.protocol_version
    );
    let _ = writeln!(out, "{}.\n", report.summary());
    out.push_str(&circumstances(report));
    out.push_str(&prices(report));
    out.push_str(&doubtful(report));
    out.push_str("## Fits\n");
    for line in &report.figures {
        out.push_str(&section(line, report.metric));
    }
    out
}

/// What has to be the same for another report to say the same.
fn circumstances(report: &Report) -> String {
    let constants = &report.constants;
    let rows = [
        ("measured in", report.counter.to_string()),
        ("engine", report.vm.clone()),
        ("machine", format!("{} ({})", report.machine, report.arch)),
        ("gas for an instruction", constants.gas_per_instruction.to_string()),
        ("gas for a nanosecond", constants.gas_per_nanosecond.to_string()),
        ("gas for a byte read from disk", constants.gas_per_byte_read.to_string()),
        ("gas for a byte written to disk", constants.gas_per_byte_written.to_string()),
        ("a price is what was measured, times", constants.safety_factor.to_string()),
    ];
    let mut out = "| | |\n|---|---|\n".to_owned();
    for (what, is) in rows {
        let _ = writeln!(out, "| {what} | {} |", escaped(&is));
    }
    out.push('\n');
    out
}

fn prices(report: &Report) -> String {
    let mut out = format!(
        "## Prices\n\n| cost | {} a unit | gas | charged today | charged ÷ gas | R² | |\n\
         |---|---:|---:|---:|---:|---:|---|\n",
        report.metric.unit()
    );
    for line in &report.figures {
        let Outcome::Known { amount, gas, r2, .. } = &line.result else { continue };
        let charged = line.charged.map_or_else(|| "-".to_owned(), |gas| gas.to_string());
        let ratio = line.ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let mark = line.undercharges().then(|| "**undercharges**".to_owned());
        let why = line.far_because.as_deref().map(escaped);
        let notes = mark.into_iter().chain(why).collect::<Vec<_>>().join("; ");
        let _ = writeln!(
            out,
            "| [{}]({}) | {amount:.2} | {gas} | {charged} | {ratio} | {r2:.4} | {notes} |",
            escaped(&line.cost),
            file_name(&line.cost)
        );
    }
    out.push('\n');
    out
}

fn doubtful(report: &Report) -> String {
    let mut out = String::from("## Uncertain\n\n");
    let before = out.len();
    for line in &report.figures {
        let Outcome::Uncertain { reason } = &line.result else { continue };
        if out.len() == before {
            out.push_str(
                "| cost | charged today | why there is no figure | case |\n|---|---:|---|---|\n",
            );
        }
        let charged = line.charged.map_or_else(|| "-".to_owned(), |gas| gas.to_string());
        let _ = writeln!(
            out,
            "| [{}]({}) | {charged} | {} | {} |",
            escaped(&line.cost),
            file_name(&line.cost),
            escaped(reason),
            escaped(&line.at)
        );
    }
    if out.len() == before {
        out.push_str("Nothing.\n");
    }
    out.push('\n');
    out
}

fn section(line: &Line, metric: Metric) -> String {
    let cost = escaped(&line.cost);
    let said = match &line.result {
        Outcome::Known { amount, gas, r2, worst } => format!(
            "{amount:.2} {} a unit, {gas} gas; R² {r2:.4}, the farthest measurement {:.1} % off.",
            metric.unit(),
            worst * 100.0
        ),
        Outcome::Uncertain { reason } => format!("**UNCERTAIN**: {}.", escaped(reason)),
    };
    let mut out = format!(
        "\n### {cost}\n\nMeasured by {} ({}). {said}\n\n![{cost}]({})\n\n",
        escaped(&line.case),
        escaped(&line.at),
        file_name(&line.cost)
    );
    if line.plot.is_empty() {
        out.push_str("There is no measurement.\n");
        return out;
    }
    let _ = writeln!(
        out,
        "| units | {} measured | fitted | residual |\n|---:|---:|---:|---:|",
        metric.unit()
    );
    for point in &line.plot {
        let (units, measured, fitted) = (point.units, point.measured, point.fitted);
        let share = point.residual * 100.0;
        let _ = writeln!(out, "| {units} | {measured:.0} | {fitted:.0} | {share:.2} % |");
    }
    out
}

/// The name of a plot's file: that of its cost, in which `~` and a number stand for what is no letter
/// of a file's name everywhere.
fn file_name(cost: &str) -> String {
    let mut name = String::new();
    for letter in cost.chars() {
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.') {
            name.push(letter);
        } else {
            let _ = write!(name, "~{:x}", u32::from(letter));
        }
    }
    name + ".svg"
}

/// `text` in Markdown, in a cell of a table too.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if matches!(letter, '\\' | '`' | '*' | '|' | '<' | '>' | '[' | ']' | '#' | '&') {
            out.push('\\');
        }
        out.push(if letter.is_control() { ' ' } else { letter });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{escaped, file_name, write_folder};
    use crate::constants::Constants;
    use crate::metric::{Counter, Metric};
    use crate::price::PlotPoint;
    use crate::report::{Line, Outcome, Report};

    fn line(cost: &str, charged: Option<u64>, result: Outcome) -> Line {
        let point = PlotPoint { units: 4.0, measured: 41.0, fitted: 40.0, residual: 1.0 / 41.0 };
        Line {
            far_because: None,
            cost: cost.to_owned(),
            case: "spin | twice".to_owned(),
            at: "cases/spin.rs:7".to_owned(),
            charged,
            result,
            plot: vec![point],
        }
    }

    fn report() -> Report {
        let known = |gas| Outcome::Known { amount: 10.0, gas, r2: 0.999, worst: 0.01 };
        let why = Outcome::Uncertain { reason: "not <a> line".to_owned() };
        let memory = Some("the state is in memory".to_owned());
        let figures = vec![
            line("spin_base", Some(50), known(100)),
            Line { far_because: memory, ..line("spin/fast", Some(301), known(100)) },
            line("odd", None, why),
        ];
        Report {
            protocol_version: 88,
            metric: Metric::Instructions,
            counter: Counter::Callgrind,
            vm: "winch".to_owned(),
            arch: "x86_64".to_owned(),
            machine: "a machine".to_owned(),
            constants: Constants::NEAR,
            fees: BTreeMap::new(),
            figures,
        }
    }

    #[test]
    fn every_cost_has_its_row_its_section_and_its_plot() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path().join("deep/report");
        write_folder(&report(), &folder)?;
        let page = std::fs::read_to_string(folder.join("report.md"))?;
        for line in report().figures {
            assert!(page.contains(&format!("\n### {}\n", line.cost)), "{page}");
            let file = file_name(&line.cost);
            assert!(page.contains(&format!("![{}]({file})", line.cost)), "{page}");
            assert!(std::fs::read_to_string(folder.join(file))?.starts_with("<svg "));
        }
        assert!(page.contains("| 10.00 | 100 | 50 | 0.50 | 0.9990 | **undercharges** |"), "{page}");
        assert!(page.contains("| 301 | 3.01 | 0.9990 | the state is in memory |"), "{page}");
        assert!(page.contains("| not \\<a\\> line | cases/spin.rs:7 |"), "{page}");
        assert!(page.contains("3 costs, 1 undercharge, 1 uncertain."), "{page}");
        for part in
            ["| engine | winch |", "a machine (x86\\_64)", "| gas for an instruction | 125000 |"]
        {
            assert!(page.contains(&part.replace("\\_", "_")), "{page}");
        }
        Ok(())
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("written");
        let error = write_folder(&report(), &file.join("report")).expect_err("a file is there");
        assert!(error.to_string().contains("file/report"), "{error}");
    }

    #[test]
    fn names_are_escaped_and_no_two_are_one_file() {
        assert_eq!(escaped("a|b `c`\n<d>"), "a\\|b \\`c\\` \\<d\\>");
        assert_eq!(file_name("wasm_regular_op_cost/float"), "wasm_regular_op_cost~2ffloat.svg");
        assert_ne!(file_name("a~2fb"), file_name("a/b"));
        assert_eq!(file_name("../x"), "..~2fx.svg");
    }
}
