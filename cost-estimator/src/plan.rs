//! Which cases are measured for the costs that somebody wants: those that price them, and those that
//! price what has to be subtracted.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::case::Case;

/// The cases for `costs`, all for an empty list, in their order.
///
/// # Errors
/// When no case prices one of them: the message names costs that begin alike, or says why there is
/// none.
pub fn select(
    cases: Vec<Case>,
    costs: &[String],
    exemption: impl Fn(&str) -> Option<&'static str>,
) -> anyhow::Result<Vec<Case>> {
    if costs.is_empty() {
        return Ok(cases);
    }
    for cost in costs {
        if cases.iter().any(|case| case.prices.contains(cost)) {
            continue;
        }
        if let Some(why) = exemption(cost) {
            bail!("{cost} is not measured: {why}");
        }
        let known = cases.iter().flat_map(|case| &case.prices);
        let alike = |known: &&String| {
            let same = known.chars().zip(cost.chars()).take_while(|(a, b)| a == b).count();
            same * 2 > known.len()
        };
        let near: Vec<&str> = known.filter(alike).map(String::as_str).take(5).collect();
        let hint =
            if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
        bail!("no case prices {cost}{hint}; cost-estimator list shows all costs");
    }
    let mut wanted: BTreeSet<String> = costs.iter().cloned().collect();
    // Cases stand behind those that they need.
    for case in cases.iter().rev() {
        if case.prices.iter().any(|price| wanted.contains(price)) {
            wanted.extend(case.minus.iter().cloned());
        }
    }
    let needed = |case: &Case| case.prices.iter().any(|price| wanted.contains(price));
    Ok(cases.into_iter().filter(needed).collect())
}

#[cfg(test)]
mod tests {
    use super::select;
    use crate::case::{Case, Prepared, Units, repeated};

    fn cases() -> Vec<Case> {
        let case = |name: &str, prices: &[&str]| {
            Case::new(name, prices, repeated(), |_| Ok(Prepared::new(Units::new(), || Ok(()))))
        };
        vec![
            case("read", &["read_base", "read_byte"]),
            case("log", &["log_base"]).minus(&["read_byte"]),
            case("hash", &["hash_base"]).minus(&["log_base"]),
            case("sum", &["sum_base"]),
        ]
    }

    fn names(costs: &[&str]) -> anyhow::Result<Vec<String>> {
        let costs: Vec<String> = costs.iter().map(|cost| (*cost).to_owned()).collect();
        let exemption = |cost: &str| (cost == "iter_base").then_some("there are no iterators");
        Ok(select(cases(), &costs, exemption)?.into_iter().map(|case| case.name).collect())
    }

    #[test]
    fn what_is_subtracted_is_measured_too() -> anyhow::Result<()> {
        assert_eq!(names(&["hash_base"])?, ["read", "log", "hash"]);
        assert_eq!(names(&["sum_base"])?, ["sum"]);
        assert_eq!(names(&[])?.len(), 4);
        Ok(())
    }

    #[test]
    fn costs_that_have_no_case_are_refused_with_a_hint() {
        let message = |cost| names(&[cost]).expect_err("no case").to_string();
        assert!(message("hash_bas").contains("near it: hash_base"));
        assert_eq!(message("iter_base"), "iter_base is not measured: there are no iterators");
        assert!(message("zzz").contains("cost-estimator list"));
    }
}
