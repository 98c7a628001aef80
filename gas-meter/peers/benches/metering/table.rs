//! Prints what was measured.

use crate::measure::Overheads;
use crate::rewriting::Figures;
use crate::workloads::{Task, Workload};

/// One engine's table: a row for each scheme; a column for each kernel, their geometric mean, a
/// column for each call of a contract, and one for compiling each contract.
pub(crate) fn engine(name: &str, workloads: &[Workload], overheads: &Overheads) {
    let is_kernel = |workload: &&Workload| matches!(workload.task, Task::Compute(_));
    let kernels = workloads.iter().filter(is_kernel).count();
    let (left, right) = workloads.split_at(kernels);
    let names = |workloads: &[Workload]| row(workloads.iter().map(|workload| workload.name));
    let contracts: Vec<&str> = right.iter().filter_map(|workload| workload.contract).collect();
    let columns = workloads.len() + 1 + contracts.len();
    let contracts = row(contracts.into_iter().map(compile));
    println!("| {name} |{} geometric mean |{}{contracts}", names(left), names(right));
    println!("|---|{}", "--:|".repeat(columns));
    for (index, (running, compiling)) in
        overheads.running.iter().zip(&overheads.compiling).enumerate()
    {
        let (left, right) = running.figures.split_at(kernels);
        let compiling: Vec<Option<f64>> = workloads
            .iter()
            .zip(&compiling.figures)
            .filter_map(|(workload, figure)| workload.contract.and(Some(*figure)))
            .collect();
        let (name, mean) = if index == 0 {
            (format!("{}, ms", running.name), String::new())
        } else {
            (running.name.to_owned(), cell(geometric_mean(left)))
        };
        println!("| {name} |{} {mean} |{}{}", cells(left), cells(right), cells(&compiling));
    }
    println!();
}

fn compile(contract: &str) -> String {
    format!("compile {contract}")
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
