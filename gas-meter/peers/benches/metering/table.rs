//! Prints what was measured.

use crate::kernels::Kernel;
use crate::measure::Row;

/// One engine's table: a row for each scheme, a column for each kernel, and the geometric mean.
pub(crate) fn print(engine: &str, kernels: &[Kernel], rows: &[Row]) {
    let names: Vec<&str> = kernels.iter().map(|kernel| kernel.name).collect();
    println!("| {engine} | {} | geometric mean |", names.join(" | "));
    println!("|---|{}--:|", "--:|".repeat(names.len()));
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.ratios.iter().map(|ratio| cell(*ratio)).collect();
        let (name, mean) = if index == 0 {
            (format!("{}, ms", row.name), String::new())
        } else {
            (row.name.to_owned(), cell(geometric_mean(&row.ratios)))
        };
        println!("| {name} | {} | {mean} |", cells.join(" | "));
    }
    println!();
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
    Some(f64::exp(logarithms / count))
}
