//! The table as an `OpenAPI` document, one path for each name as in the document that NEAR publishes
//! for its RPC. A path names the method; every request is posted to `/`.

use serde_json::{Map, Value, json};

use super::METHODS;
use super::row::{Kind, Member, Method, Need, Takes};

/// The table as an `OpenAPI` 3.1 document.
pub fn openapi() -> Value {
    let paths: Map<_, _> = METHODS
        .iter()
        .flat_map(|method| method.names.iter().map(move |name| (method, *name)))
        .map(|(method, name)| (format!("/{name}"), path(method, name)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "sandboxd JSON-RPC",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Each path names a method, as in NEAR's own document; \
                            every request is posted to `/`.",
        },
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn path(method: &Method, name: &str) -> Value {
    let request = json!({
        "type": "object",
        "title": format!("request for {name}"),
        "required": required(method),
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {},
            "method": {"const": name},
            "params": params(method.takes),
        },
        "additionalProperties": false,
    });
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let response = json!({"oneOf": [reference("Success"), failure(method)]});
    let mut operation = json!({
        "operationId": name,
        "summary": method.summary,
        "requestBody": {"required": true, "content": content(request)},
        "responses": {
            "default": {
                "description": "A result, or an error with the HTTP status that its name has.",
                "content": content(response),
            },
        },
    });
    if let (Some(first), Some(operation)) = (method.names.first(), operation.as_object_mut())
        && *first != name
    {
        operation.insert("x-alias-of".to_owned(), Value::from(*first));
    }
    json!({"post": operation})
}

fn required(method: &Method) -> Value {
    match method.takes {
        Takes::Ignored => json!(["jsonrpc", "id", "method"]),
        Takes::Params { .. } => json!(["jsonrpc", "id", "method", "params"]),
    }
}

fn params(takes: Takes) -> Value {
    let Takes::Params { forms, others } = takes else { return json!({}) };
    let mut schemas: Vec<_> = forms.iter().map(|form| object(form)).collect();
    schemas.extend(others.iter().map(|other| {
        let kind = if other.starts_with('[') { "array" } else { "string" };
        json!({"type": kind, "description": format!("`{other}`")})
    }));
    match schemas.as_slice() {
        [only] => only.clone(),
        _ => json!({"anyOf": schemas}),
    }
}

fn object(form: &[Member]) -> Value {
    let named = form.iter().filter(|member| !matches!(member.kind, Kind::BlockReference));
    let properties: Map<_, _> =
        named.clone().map(|member| (member.name.to_owned(), property(member))).collect();
    let required: Vec<_> =
        named.filter(|member| member.need == Need::Required).map(|member| member.name).collect();
    let object = json!({"type": "object", "properties": properties, "required": required});
    let has_block = form.iter().any(|member| matches!(member.kind, Kind::BlockReference));
    if has_block { json!({"allOf": [reference("BlockReference"), object]}) } else { object }
}

fn property(member: &Member) -> Value {
    let mut schema = kind(member.kind);
    if let (false, Some(schema)) = (member.about.is_empty(), schema.as_object_mut()) {
        schema.insert("description".to_owned(), member.about.into());
    }
    schema
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::BlockReference => reference("BlockReference"),
        Kind::BlockId => reference("BlockId"),
        Kind::MaybeBlockId => json!({"anyOf": [reference("BlockId"), {"type": "null"}]}),
        Kind::Hash => reference("Hash"),
        Kind::Hashes => json!({"type": "array", "items": reference("Hash")}),
        Kind::AccountId => reference("AccountId"),
        Kind::PublicKey => reference("PublicKey"),
        Kind::Permission => json!({"type": ["string", "object", "null"]}),
        Kind::PublicKeys => json!({"type": "array", "items": reference("PublicKey")}),
        Kind::Amount => json!({"type": "string", "pattern": "^[0-9]+$"}),
        Kind::Base64 => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::MaybeBase64 => json!({"type": ["string", "null"], "contentEncoding": "base64"}),
        Kind::Text => json!({"type": "string"}),
        Kind::Number => json!({"type": "integer", "format": "uint64", "minimum": 0}),
        Kind::Nanoseconds => json!({"anyOf": [
            {"type": "integer", "format": "uint64", "minimum": 0},
            {"type": "string", "pattern": "^[0-9]+$"},
        ]}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Only(only) => json!({"const": only}),
        Kind::One(texts) => json!({"enum": texts}),
        Kind::AccountIds => json!({"type": "array", "items": reference("AccountId")}),
        Kind::AccountKeys => json!({"type": "array", "items": {
            "type": "object",
            "properties": {
                "account_id": reference("AccountId"),
                "public_key": reference("PublicKey"),
            },
            "required": ["account_id", "public_key"],
        }}),
        Kind::ChunkId => json!({
            "type": "object",
            "properties": {"block_hash": reference("Hash"), "shard_id": {"type": "integer"}},
            "required": ["block_hash", "shard_id"],
        }),
        Kind::Object => json!({"type": "object"}),
        Kind::Records => json!({"type": "array", "items": {"type": "object"}}),
        Kind::Actions => json!({"type": "array", "items": {"type": ["object", "string"]}}),
        Kind::Urls => json!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
        ]}),
    }
}

/// The answer with an error of `method`: one of its own, or one that every method has.
fn failure(method: &Method) -> Value {
    let common = ["METHOD_NOT_FOUND", "PARSE_ERROR", "INTERNAL_ERROR"];
    let names: Vec<_> = common.iter().chain(method.errors).collect();
    json!({"allOf": [reference("Failure"), {"properties": {"error": {"properties": {"cause": {
        "properties": {"name": {"enum": names}},
    }}}}}]})
}

fn schemas() -> Value {
    let envelope = |member: &str, schema: Value| {
        json!({
            "type": "object",
            "required": ["jsonrpc", "id", member],
            "properties": {"jsonrpc": {"const": "2.0"}, "id": {}, member: schema},
        })
    };
    json!({
        "AccountId": {"type": "string", "minLength": 2, "maxLength": 64},
        "Hash": {"type": "string", "description": "32 bytes in base58"},
        "PublicKey": {"type": "string", "description": "a type and base58, as ed25519:…"},
        "BlockId": {"anyOf": [
            {"type": "integer", "format": "uint64", "minimum": 0},
            reference("Hash"),
        ]},
        "BlockReference": {"oneOf": [
            one_member("block_id", &reference("BlockId")),
            one_member("finality", &json!({"enum": ["optimistic", "near-final", "final"]})),
            one_member("sync_checkpoint", &json!({"enum": ["genesis", "earliest_available"]})),
        ]},
        "Success": envelope("result", json!({})),
        "Failure": envelope("error", json!({
            "type": "object",
            "required": ["name", "cause", "code", "message"],
            "properties": {
                "name": {"enum": ["REQUEST_VALIDATION_ERROR", "HANDLER_ERROR", "INTERNAL_ERROR"]},
                "cause": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "info": {}},
                },
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "data": {},
            },
        })),
    })
}

fn one_member(name: &str, schema: &Value) -> Value {
    json!({"type": "object", "properties": {name: schema}, "required": [name]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
