//! Prints what was measured.

use crate::measure::Row;
use crate::rewriting::Figures;
use crate::workloads::{Task, Workload};

/// One engine's table: a row for each scheme, a column for each kernel, their geometric mean, and
/// a column for each call of a contract.
pub(crate) fn run_times(engine: &str, workloads: &[Workload], rows: &[Row]) {
    let kernels = workloads.iter().filter(|workload| matches!(workload.task, Task::Compute(_)));
    let kernels = kernels.count();
    let (left, right) = workloads.split_at(kernels);
    let names = |workloads: &[Workload]| row(workloads.iter().map(|workload| workload.name));
    println!("| {engine} |{} geometric mean |{}", names(left), names(right));
    println!("|---|{}", "--:|".repeat(workloads.len() + 1));
    for (index, row) in rows.iter().enumerate() {
        let (left, right) = row.figures.split_at(kernels);
        let (name, mean) = if index == 0 {
            (format!("{}, ms", row.name), String::new())
        } else {
            (row.name.to_owned(), cell(geometric_mean(left)))
        };
        println!("| {name} |{} {mean} |{}", cells(left), cells(right));
    }
    println!();
}

/// The table of what rewriting costs: speed and size for each contract.
pub(crate) fn rewriting(contracts: &[(&'static str, Vec<u8>)], figures: &Figures) {
    let heads = contracts.iter().map(|(name, _)| format!("{name}, MB/s | size"));
    println!("| rewriting |{}", row(heads));
    println!("|---|{}", "--:|--:|".repeat(contracts.len()));
    for (speeds, sizes) in figures.speeds.iter().zip(&figures.sizes) {
        let pairs = speeds.figures.iter().zip(&sizes.figures);
        let pairs: Vec<Option<f64>> = pairs.flat_map(|(speed, size)| [*speed, *size]).collect();
        println!("| {} |{}", speeds.name, cells(&pairs));
    }
}

fn cells(figures: &[Option<f64>]) -> String {
    row(figures.iter().map(|figure| cell(*figure)))
}

/// Cells of a row, each with the bar behind it.
fn row(cells: impl Iterator<Item = impl std::fmt::Display>) -> String {
    cells.fold(String::new(), |row, cell| format!("{row} {cell} |"))
}

fn cell(figure: Option<f64>) -> String {
    match figure {
        Some(figure) if figure < 10.0 => format!("{figure:.2}"),
        Some(figure) => format!("{figure:.1}"),
        None => "–".to_owned(),
    }
}

/// The geometric mean, if there is a figure for every kernel.
fn geometric_mean(ratios: &[Option<f64>]) -> Option<f64> {
    let (mut logarithms, mut count) = (0.0, 0.0);
    for ratio in ratios {
        logarithms += (*ratio)?.ln();
        count += 1.0;
    }
    (count > 0.0).then(|| f64::exp(logarithms / count))
}
