//! JSON with gaps, for requests and for what has to come back.
//!
//! `"${name}"` stands for the value of that name. In what is expected, `"$hash"`, `"$number"`,
//! `"$balance"`, `"$string"`, `"$bool"`, `"$list"`, `"$object"` and `"$any"` stand for any value of
//! that kind, `"$number as name"` gives it a name as well, and a member `"..."` stands for any others.

use std::collections::BTreeMap;

use near_primitives::hash::CryptoHash;
use serde_json::Value;

/// Values that an answer has and that its pattern gives a name.
pub(super) type Named = BTreeMap<String, Value>;

/// Puts what the names stand for in their place.
pub(super) fn fill(value: &Value, facts: &BTreeMap<impl AsRef<str>, Value>) -> Value {
    match value {
        Value::String(text) => {
            let whole = facts.iter().find(|(name, _)| *text == gap(name.as_ref()));
            if let Some((_, fact)) = whole {
                return fact.clone();
            }
            let filled = facts.iter().fold(text.clone(), |text, (name, fact)| {
                let fact = fact.as_str().map_or_else(|| fact.to_string(), str::to_owned);
                text.replace(&gap(name.as_ref()), &fact)
            });
            Value::String(filled)
        }
        Value::Array(items) => items.iter().map(|item| fill(item, facts)).collect(),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, value)| (name.clone(), fill(value, facts)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

fn gap(name: &str) -> String {
    format!("${{{name}}}")
}

/// The named values, if `actual` is as `expected` says.
pub(super) fn matches(expected: &Value, actual: &Value) -> Result<Named, String> {
    let mut named = Named::new();
    compare(expected, actual, "", &mut named)?;
    Ok(named)
}

fn compare(expected: &Value, actual: &Value, path: &str, named: &mut Named) -> Result<(), String> {
    let differs = || Err(format!("{path}: {actual} and not {expected}"));
    match (expected, actual) {
        (Value::String(pattern), _) if pattern.starts_with('$') => {
            let (kind, name) = match pattern.split_once(" as ") {
                Some((kind, name)) => (kind, Some(name)),
                None => (pattern.as_str(), None),
            };
            if !is_of(kind, actual) {
                return differs();
            }
            named.extend(name.map(|name| (name.to_owned(), actual.clone())));
            Ok(())
        }
        (Value::Array(expected_items), Value::Array(items)) => {
            if expected_items.len() != items.len() {
                return differs();
            }
            let mut pairs = expected_items.iter().zip(items).enumerate();
            pairs.try_for_each(|(place, (expected, item))| {
                compare(expected, item, &format!("{path}[{place}]"), named)
            })
        }
        (Value::Object(wanted), Value::Object(members)) => {
            for (name, value) in wanted.iter().filter(|(name, _)| *name != "...") {
                let path = format!("{path}.{name}");
                let member = members.get(name).ok_or(format!("{path} is missing: {actual}"))?;
                compare(value, member, &path, named)?;
            }
            let more = members.keys().find(|name| !wanted.contains_key(*name));
            match more {
                Some(name) if !wanted.contains_key("...") => {
                    Err(format!("{path}.{name} was not expected"))
                }
                _ => Ok(()),
            }
        }
        _ if expected == actual => Ok(()),
        _ => differs(),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "$hash" => text.is_some_and(|text| text.parse::<CryptoHash>().is_ok()),
        "$balance" => text.is_some_and(|text| text.parse::<u128>().is_ok()),
        "$string" => text.is_some(),
        "$number" => value.is_number(),
        "$bool" => value.is_boolean(),
        "$list" => value.is_array(),
        "$object" => value.is_object(),
        "$any" => true,
        other => panic!("{other} is no kind of value"),
    }
}
