//! Every price of NEAR's fee table has a case, or a reason why it has none.

use std::collections::BTreeSet;

use anyhow::Context;
use cost_estimator::cases::{self, Bed};
use sandbox_runtime::near::PROTOCOL_VERSION;
use sandbox_runtime::{RuntimeConfig, VmKind};

fn bed() -> anyhow::Result<Bed> {
    Ok(Bed::new(RuntimeConfig::new(PROTOCOL_VERSION)?, VmKind::ALL[0]))
}

#[test]
fn every_price_has_a_case_or_a_written_exemption() -> anyhow::Result<()> {
    let bed = bed()?;
    let priced: BTreeSet<String> = cases::all(&bed)
        .into_iter()
        .flat_map(|case| case.prices)
        .map(|cost| cost.split('/').next().unwrap_or_default().to_owned())
        .collect();
    for price in bed.near().fee_table().into_keys() {
        let measured = cases::same_as(&price).unwrap_or_else(|| price.clone());
        let exempt = cases::exemption(&price).is_some();
        assert!(
            priced.contains(&measured) != exempt,
            "{price} needs a case or an exemption, and not both"
        );
    }
    Ok(())
}

#[test]
fn every_host_cost_and_action_is_a_price() -> anyhow::Result<()> {
    let bed = bed()?;
    let table = bed.near().fee_table();
    for (id, name, _) in host_fns::near::cost::all() {
        let parameter = bed.near().parameter_name(id);
        let listed = parameter.is_some_and(|parameter| {
            table.contains_key(&parameter) || table.contains_key(&format!("{parameter}.execution"))
        });
        assert!(listed, "{name} is not in the fee table");
    }
    Ok(())
}

#[test]
fn cases_have_names_of_their_own_and_stand_behind_what_they_subtract() -> anyhow::Result<()> {
    let (mut names, mut priced) = (BTreeSet::new(), BTreeSet::new());
    for case in cases::all(&bed()?) {
        assert!(names.insert(case.name.clone()), "two cases are called {}", case.name);
        for cost in &case.minus {
            assert!(priced.contains(cost), "{} subtracts {cost} before it is known", case.name);
        }
        for cost in case.prices {
            assert!(priced.insert(cost.clone()), "two cases price {cost}");
        }
    }
    Ok(())
}

#[test]
fn every_case_can_be_prepared_and_is_work_of_what_it_prices() -> anyhow::Result<()> {
    for case in cases::all(&bed()?) {
        let mut seen = BTreeSet::new();
        for size in &case.sizes {
            let prepared = case.prepare(*size)?;
            for work in [prepared.run].into_iter().chain(prepared.rest) {
                work().with_context(|| case.name.clone())?;
            }
            seen.extend(
                prepared.units.into_iter().filter(|(_, units)| *units > 0.0).map(|(cost, _)| cost),
            );
            if case.prices.iter().all(|cost| seen.contains(cost)) {
                break;
            }
        }
        for cost in &case.prices {
            assert!(seen.contains(cost), "{} has no unit of {cost}", case.name);
        }
    }
    Ok(())
}
