//! The table of operators and the prices of schedules.

use std::collections::BTreeSet;

use super::super::wasmparser::for_each_visit_operator;
use super::*;

/// Names of all operators of the accepted proposals, as the parser has them.
macro_rules! accepted {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        [$((stringify!($proposal), stringify!($visit))),*]
            .into_iter()
            .filter(|(proposal, _)| {
                [
                    "mvp",
                    "sign_extension",
                    "saturating_float_to_int",
                    "bulk_memory",
                    "reference_types",
                ]
                .contains(proposal)
            })
            .map(|(_, visit)| visit.trim_start_matches("visit_").to_owned())
            .collect()
    };
}

#[test]
fn the_table_has_the_operators_of_the_accepted_proposals_and_no_others() {
    let theirs: BTreeSet<String> = for_each_visit_operator!(accepted);
    // The text has one name for both kinds of `select`.
    let ours = Operator::all().map(|operator| operator.name.replace('.', "_"));
    let mut ours: BTreeSet<String> = ours.collect();
    ours.insert("typed_select".to_owned());
    assert_eq!(ours, theirs);
}

#[test]
fn prices_are_told_by_their_figures() {
    let other = FlatSchedule { regular_op: 7, linear_base: 0, linear_unit: 1, ..schedule() };
    for prices in [prices(), Prices::new(&other).expect("small prices")] {
        let figures: Vec<u64> = prices.figures().collect();
        assert_eq!(Prices::from_figures(&figures), Ok(prices));
    }
    assert_eq!(
        Prices::from_figures(&[u64::MAX; 600]),
        Err(InvalidSchedule::TooLarge("unreachable"))
    );
}
