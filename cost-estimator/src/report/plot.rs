//! The plot of a fit as SVG: above, what was measured of one cost with the line that was fitted;
//! below, how far each measurement is from it.
//!
//! Costs of a case are fitted together. A plot shows one of them: from each measurement, what the fit
//! says of the others is subtracted, so that the line goes through the origin and its slope is the
//! price.

use std::fmt::Write;

use super::{Line, Outcome};
use crate::metric::Metric;

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 460.0;
/// Where the axes are: left and right ends, and the upper and lower ends of both pictures.
const LEFT: f64 = 110.0;
const RIGHT: f64 = 650.0;
const FIT: [f64; 2] = [50.0, 290.0];
const RESIDUALS: [f64; 2] = [330.0, 405.0];
/// Letters of a reason that fit above the picture; the page has all of it.
const SHOWN: usize = 75;
/// Lines that an axis has, about.
const TICKS: f64 = 5.0;
/// Residuals are shown on a scale of this share of a measurement at least.
const LEAST_RESIDUAL: f64 = 0.01;

/// The plot of `line`.
pub(super) fn svg(line: &Line, metric: Metric) -> String {
    let units = line.plot.iter().map(|point| point.units);
    let x = Axis::new(0.0, units.fold(0.0, f64::max), [LEFT, RIGHT]);
    let mut out = String::new();
    head(line, metric, &mut out);
    match &line.result {
        Outcome::Known { amount, .. } => known(line, *amount, &x, &mut out),
        Outcome::Uncertain { .. } => uncertain(line, &x, &mut out),
    }
    residuals(line, &x, &mut out);
    push(&mut out, format_args!("</svg>"));
    out
}

/// Writing to a string cannot fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}

fn head(line: &Line, metric: Metric, out: &mut String) {
    let name = escaped(&line.cost);
    let unit = metric.unit();
    let (middle, bottom) = (f64::midpoint(LEFT, RIGHT), HEIGHT - 14.0);
    let title = match &line.result {
        Outcome::Known { amount, r2, worst, .. } => format!(
            "{} {unit} a unit; R² {r2:.4}, a measurement {:.1} % off",
            short(*amount),
            worst * 100.0
        ),
        Outcome::Uncertain { reason } => {
            let shown: String = reason.chars().take(SHOWN).collect();
            let more = if shown.len() < reason.len() { "…" } else { "" };
            format!("UNCERTAIN: {}{more}", escaped(&shown))
        }
    };
    let what = match &line.result {
        Outcome::Known { .. } => format!("{unit}, without the other costs"),
        Outcome::Uncertain { .. } => unit.to_owned(),
    };
    push(
        out,
        format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" fill="#222">
<title>{name}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{name}</text>
<text x="{LEFT}" y="38">{title}</text>
<text x="{middle}" y="{bottom}" text-anchor="middle">units of {name}</text>"##
        ),
    );
    for ([top, low], label) in [(FIT, what.as_str()), (RESIDUALS, "residual, %")] {
        let y = f64::midpoint(top, low);
        push(
            out,
            format_args!(
                r#"<text x="16" y="{y}" transform="rotate(-90 16 {y})" text-anchor="middle">{label}</text>"#
            ),
        );
    }
}

/// The measurements without what the fit says of other costs, and the price as a line.
fn known(line: &Line, amount: f64, x: &Axis, out: &mut String) {
    let of =
        |point: &crate::price::PlotPoint| amount * point.units + (point.measured - point.fitted);
    let values: Vec<f64> = line.plot.iter().map(of).collect();
    let least = values.iter().copied().fold(0.0, f64::min);
    let most = values.iter().copied().fold(amount * x.high, f64::max);
    let y = Axis::new(least, most, [FIT[1], FIT[0]]);
    grid(x, &y, true, out);
    push(
        out,
        format_args!(
            r##"<line class="fit" x1="{:.2}" y1="{:.2}" x2="{:.2}" y2="{:.2}" stroke="#c33" stroke-width="1.5"/>"##,
            x.at(0.0),
            y.at(0.0),
            x.at(x.high),
            y.at(amount * x.high)
        ),
    );
    for (point, value) in line.plot.iter().zip(values) {
        dot("point", x.at(point.units), y.at(value), out);
    }
}

/// What was measured, and crosses where a fit would have it.
fn uncertain(line: &Line, x: &Axis, out: &mut String) {
    let values = line.plot.iter().flat_map(|point| [point.measured, point.fitted]);
    let y = Axis::new(0.0, values.fold(0.0, f64::max), [FIT[1], FIT[0]]);
    grid(x, &y, true, out);
    for point in &line.plot {
        let (across, said) = (x.at(point.units), y.at(point.fitted));
        push(
            out,
            format_args!(
                r##"<path class="fitted" d="M{:.2} {:.2}l8 8m0 -8l-8 8" stroke="#c33"/>"##,
                across - 4.0,
                said - 4.0
            ),
        );
        dot("point", across, y.at(point.measured), out);
    }
}

fn residuals(line: &Line, x: &Axis, out: &mut String) {
    let shares = line.plot.iter().map(|point| point.residual.abs());
    let most = shares.fold(LEAST_RESIDUAL, f64::max) * 100.0;
    let y = Axis::new(-most, most, [RESIDUALS[1], RESIDUALS[0]]);
    grid(x, &y, false, out);
    for point in &line.plot {
        dot("residual", x.at(point.units), y.at(point.residual * 100.0), out);
    }
}

fn dot(class: &str, x: f64, y: f64, out: &mut String) {
    push(
        out,
        format_args!(
            r##"<circle class="{class}" cx="{x:.2}" cy="{y:.2}" r="3.5" fill="#36c" fill-opacity="0.7"/>"##
        ),
    );
}

/// The lines behind the points, with their figures; those of units stand below both pictures.
fn grid(x: &Axis, y: &Axis, is_upper: bool, out: &mut String) {
    let [low, top] = y.ends;
    for tick in x.ticks() {
        let at = x.at(tick);
        push(
            out,
            format_args!(
                r##"<line x1="{at:.2}" y1="{low:.2}" x2="{at:.2}" y2="{top:.2}" stroke="#ddd"/>"##
            ),
        );
        if !is_upper {
            let below = low + 16.0;
            push(
                out,
                format_args!(
                    r#"<text x="{at:.2}" y="{below:.2}" text-anchor="middle">{}</text>"#,
                    short(tick)
                ),
            );
        }
    }
    // Residuals: both ends and nothing.
    let ticks = if is_upper { y.ticks() } else { vec![y.low, 0.0, y.high] };
    for tick in ticks {
        let at = y.at(tick);
        let (beside, middle) = (LEFT - 8.0, at + 4.0);
        push(
            out,
            format_args!(
                r##"<line x1="{LEFT}" y1="{at:.2}" x2="{RIGHT}" y2="{at:.2}" stroke="#ddd"/>
<text x="{beside}" y="{middle:.2}" text-anchor="end">{}</text>"##,
                short(tick)
            ),
        );
    }
}

/// Where values are on paper.
struct Axis {
    low: f64,
    high: f64,
    /// Where the low and the high end are.
    ends: [f64; 2],
}

impl Axis {
    fn new(low: f64, high: f64, ends: [f64; 2]) -> Self {
        // Values that are all alike have no scale.
        let high = if high > low { high } else { low + 1.0 };
        Axis { low, high, ends }
    }

    fn at(&self, value: f64) -> f64 {
        let [from, to] = self.ends;
        from + (to - from) * (value - self.low) / (self.high - self.low)
    }

    /// Round numbers, a round step apart.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (self.low / step).ceil();
        let count = (self.high / step).floor() - first;
        let mut ticks = Vec::new();
        let mut at = 0.0;
        while at <= count {
            ticks.push((first + at) * step);
            at += 1.0;
        }
        ticks
    }
}

/// A number with as many digits as somebody reads, and commas between thousands.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{rest}")
}

/// `text` in SVG.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Axis, escaped, short, svg};
    use crate::metric::Metric;
    use crate::price::PlotPoint;
    use crate::report::{Line, Outcome};

    fn line(result: Outcome, plot: Vec<PlotPoint>) -> Line {
        let (cost, case) = ("a<b".to_owned(), "case".to_owned());
        Line {
            cost,
            case,
            at: "here.rs:1".to_owned(),
            charged: Some(5),
            result,
            plot,
            far_because: None,
        }
    }

    fn point(units: f64, measured: f64, fitted: f64) -> PlotPoint {
        PlotPoint { units, measured, fitted, residual: (measured - fitted) / measured }
    }

    /// The numbers of an attribute of all elements of a class.
    fn numbers(svg: &str, class: &str, attribute: &str) -> Vec<f64> {
        let class = format!("class=\"{class}\"");
        let mark = format!(" {attribute}=\"");
        let of = svg
            .lines()
            .filter(|line| line.contains(&class))
            .filter_map(|line| line.split_once(&mark)?.1.split_once('"')?.0.parse().ok());
        of.collect()
    }

    #[test]
    fn points_lie_on_the_line_where_the_fit_is_exact() {
        // Two units more are twenty more; a hundred are there whatever the size.
        let known = Outcome::Known { amount: 10.0, gas: 1, r2: 1.0, worst: 0.0 };
        let points =
            [2.0, 4.0, 8.0].map(|units| point(units, 100.0 + 10.0 * units, 100.0 + 10.0 * units));
        let text = svg(&line(known, points.to_vec()), Metric::Instructions);
        assert_eq!(numbers(&text, "point", "cx"), [245.0, 380.0, 650.0]);
        assert_eq!(numbers(&text, "point", "cy"), [230.0, 170.0, 50.0]);
        let ends = ["x1", "y1", "x2", "y2"].map(|at| numbers(&text, "fit", at)[0]);
        assert_eq!(ends.to_vec(), [110.0, 290.0, 650.0, 50.0]);
        assert_eq!(numbers(&text, "residual", "cy"), [367.5; 3], "no residual is in the middle");
        assert!(text.contains("10 instructions a unit; R² 1.0000"), "{text}");
    }

    #[test]
    fn what_is_off_the_line_is_drawn_off_it() {
        let known = Outcome::Known { amount: 10.0, gas: 1, r2: 0.99, worst: 0.2 };
        let points = vec![point(5.0, 50.0, 50.0), point(10.0, 125.0, 100.0)];
        let text = svg(&line(known, points), Metric::Time);
        // The axis ends at 125, the line at 100.
        assert_eq!(numbers(&text, "point", "cy"), [194.0, 50.0]);
        assert_eq!(numbers(&text, "fit", "y2"), [98.0]);
        assert_eq!(numbers(&text, "residual", "cy"), [367.5, 330.0]);
        assert!(text.contains("ns, without the other costs"));
    }

    #[test]
    fn a_doubtful_fit_has_no_line_and_no_number() {
        let why = Outcome::Uncertain { reason: "not a line & crooked".to_owned() };
        let text = svg(&line(why, vec![point(1.0, 3.0, 4.0)]), Metric::Instructions);
        assert!(text.contains("UNCERTAIN: not a line &amp; crooked"));
        assert!(!text.contains("class=\"fit\"") && text.contains("class=\"fitted\""));
        assert!(text.contains("<title>a&lt;b</title>"));
    }

    #[test]
    fn nothing_measured_is_still_a_picture() {
        let why = Outcome::Uncertain { reason: "it failed".to_owned() };
        let text = svg(&line(why, Vec::new()), Metric::Instructions);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn numbers_are_round_and_short() {
        assert_eq!(Axis::new(0.0, 23.0, [0.0, 1.0]).ticks(), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(Axis::new(-3.0, 3.0, [0.0, 1.0]).ticks(), [-2.0, 0.0, 2.0]);
        let said = [1_234_567.0, -12.5, 0.0, 0.25, 100_000.4].map(short);
        assert_eq!(said, ["1,234,567", "−12.5", "0", "0.25", "100,000"]);
        assert_eq!(escaped("a<b>&\"\n"), "a&lt;b&gt;&amp;&quot; ");
    }
}
