//! `key list`: what a store holds.

use clap::Args;
use keybearer_core::{Entries, Entry};
use serde::Serialize;

use crate::{
    args::{Json, KeyArgument},
    certificates,
    context::Context,
    failure::{Outcome, Status},
    network::NetworkOptions,
    output::{Output, Paint},
    text::{columns, printable},
};

/// List the entries of a store: keys, certificates, secrets
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer key list keys.jks --password-source env:STORE_PASSWORD\n  \
    keybearer key list 'pkcs11:token=prod?pin-source=prompt:'")]
pub(crate) struct Arguments {
    #[command(flatten)]
    key: KeyArgument,

    #[command(flatten)]
    network: NetworkOptions,

    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Listed<'a> {
    format: &'a str,
    entries: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    alias: Option<&'a str>,
    kind: &'static str,
    #[serde(rename = "type")]
    key_type: Option<&'a str>,
    bits: Option<usize>,
    certificates: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    let store = cx.registry.entries(&uri, &cx.open).await?;
    let listed = Listed {
        format: &store.format,
        entries: store.entries.iter().map(line).collect(),
    };
    cx.out.data(&listed, || text(&store, cx.out))?;
    for entry in &store.entries {
        if let Some(leaf) = entry.certificates.first() {
            let owner = match &entry.alias {
                Some(alias) => format!("\"{alias}\""),
                None => "the entry without a name".into(),
            };
            certificates::warn_of_expiry(cx.out, &owner, leaf);
        }
    }
    Ok(Status::DONE)
}

fn line(entry: &Entry) -> Line<'_> {
    Line {
        alias: entry.alias.as_deref(),
        kind: entry.kind.as_str(),
        key_type: entry.key_type.as_deref(),
        bits: entry.bits,
        certificates: entry.certificates.len(),
        note: entry.note.as_deref(),
    }
}

fn text(store: &Entries, out: Output) -> String {
    let count = match store.entries.len() {
        0 => "nothing in it".into(),
        1 => "1 entry".into(),
        count => format!("{count} entries"),
    };
    let head = format!("{}, {count}\n", printable(&store.format));
    if store.entries.is_empty() {
        return head;
    }
    let names = ["alias", "kind", "type", "bits", "certificates", ""];
    let has_notes = store.entries.iter().any(|entry| entry.note.is_some());
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(store.entries.iter().map(|entry| {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        vec![
            or_dash(entry.alias.as_deref().map(printable)),
            entry.kind.as_str().into(),
            or_dash(entry.key_type.as_deref().map(printable)),
            or_dash(entry.bits.map(|bits| bits.to_string())),
            entry.certificates.len().to_string(),
            entry.note.as_deref().map(printable).unwrap_or_default(),
        ]
    }));
    if has_notes && let Some(last) = rows.first_mut().and_then(|row| row.last_mut()) {
        *last = "note".into();
    }
    let table = columns(&rows);
    let (names, entries) = table.split_once('\n').unwrap_or((&table, ""));
    format!("{head}{}\n{entries}", out.paint(Paint::Bold, names))
}
