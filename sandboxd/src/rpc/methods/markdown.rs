//! The table as the text of `docs/rpc.md`.

use super::METHODS;
use super::row::{Kind, Member, Method, Need, Takes};

/// The table as the text of `docs/rpc.md`.
pub fn markdown() -> String {
    let mut text = include_str!("intro.md").to_owned();
    for method in METHODS {
        text.push_str(&section(method));
    }
    text
}

fn section(method: &Method) -> String {
    let [name, aliases @ ..] = method.names else { return String::new() };
    let mut lines = vec![format!("\n## {name}\n\n{}\n", method.summary)];
    lines.extend(aliases.iter().map(|alias| format!("- also called `{alias}`")));
    match method.takes {
        Takes::Ignored => lines.push("- params: ignored".to_owned()),
        Takes::Params { forms, others } => {
            lines.extend(forms.iter().map(|form| format!("- params: {}", members(form))));
            lines.extend(others.iter().map(|other| format!("- or: `{other}`")));
        }
    }
    if !method.errors.is_empty() {
        lines.push(format!("- errors: `{}`", method.errors.join("`, `")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn members(form: &[Member]) -> String {
    let texts: Vec<_> = form.iter().map(member).collect();
    if texts.is_empty() { "an empty object".to_owned() } else { texts.join("; ") }
}

fn member(member: &Member) -> String {
    if matches!(member.kind, Kind::BlockReference) {
        return member.kind.text();
    }
    let mut text = format!("`{}`: {}", member.name, member.kind.text());
    if member.need == Need::Optional {
        text.push_str(", optional");
    }
    if !member.about.is_empty() {
        text.push_str(", ");
        text.push_str(member.about);
    }
    text
}
