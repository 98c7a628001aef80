//! The `OpenAPI` document against itself and against the golden requests.

use std::collections::BTreeSet;

use sandboxd::rpc::methods::openapi;
use serde_json::Value;

use super::Rig;
use super::methods_golden::{goldens, table};

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = openapi();
    let mut todo = vec![&document];
    while let Some(value) = todo.pop() {
        if let Some(Value::String(reference)) = value.get("$ref") {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Object(members) => todo.extend(members.values()),
            _ => {}
        }
    }
}

#[test]
fn the_document_is_served() {
    let reply = Rig::new().client().get("/openapi.json");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.json(), openapi());
}

#[test]
fn every_path_is_an_operation_of_its_own() {
    let document = openapi();
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        assert_eq!(
            Some(path.as_str()),
            item["post"]["operationId"].as_str().map(|id| format!("/{id}")).as_deref()
        );
    }
    assert!(paths.contains_key("/block") && paths.contains_key("/EXPERIMENTAL_changes"));
}

#[test]
fn the_document_describes_the_golden_requests() {
    let document = openapi();
    for (method, told) in table() {
        for name in told.names {
            let operation = &document["paths"][format!("/{name}")]["post"];
            let request = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = &request["properties"]["params"];
            for golden in goldens(&method) {
                let params = &golden.params;
                assert!(describes(schema, params), "{name}: {params} is not described: {schema}");
            }
        }
    }
}

/// Whether one of the forms has the members of `params`, and they have those that it requires.
fn describes(schema: &Value, params: &Value) -> bool {
    if let Some(forms) = schema["anyOf"].as_array() {
        return forms.iter().any(|form| describes(form, params));
    }
    let Some(params) = params.as_object() else {
        let kind = if params.is_array() { "array" } else { "string" };
        return schema.get("type").is_none_or(|told| told == kind);
    };
    let with_block = schema["allOf"].as_array();
    let form = with_block.map_or(schema, |parts| &parts[1]);
    let Some(properties) = form["properties"].as_object() else {
        return form.get("type").is_none();
    };
    let block = ["block_id", "finality", "sync_checkpoint"];
    let mut names: BTreeSet<&str> = params.keys().map(String::as_str).collect();
    if with_block.is_some() {
        let before = names.len();
        names.retain(|name| !block.contains(name));
        if before != names.len() + 1 {
            return false;
        }
    }
    let required = form["required"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let fixed = properties.iter().all(|(name, property)| {
        property.get("const").is_none_or(|fixed| params.get(name) == Some(fixed))
    });
    fixed
        && names.iter().all(|name| properties.contains_key(*name))
        && required.into_iter().all(|name| names.contains(name))
}
