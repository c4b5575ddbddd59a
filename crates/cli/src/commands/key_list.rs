//! `key list`: what a store holds.

use clap::{Args, Subcommand};
use keybearer_core::Entry;
use serde::Serialize;

use crate::{
    args::{Json, KeyArgument},
    context::Context,
    failure::{Outcome, Status},
    text::columns,
};

/// Look into key stores
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
}

/// List the entries of a store
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    key: KeyArgument,

    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Listed {
    format: String,
    entries: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    alias: Option<String>,
    kind: &'static str,
    r#type: Option<String>,
    bits: Option<usize>,
    certificates: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let Command::List(list) = &arguments.command;
    let entries = cx
        .registry
        .entries(&list.key.uri(&cx.origins)?, &cx.open)
        .await?;
    let listed = Listed {
        format: entries.format,
        entries: entries.entries.into_iter().map(row).collect(),
    };
    cx.out.data(&listed, || {
        format!(
            "{}\n{}",
            listed.format,
            columns(&listed.entries.iter().map(cells).collect::<Vec<_>>())
        )
    })?;
    Ok(Status::DONE)
}

fn row(entry: Entry) -> Row {
    Row {
        alias: entry.alias,
        kind: entry.kind.as_str(),
        r#type: entry.key_type,
        bits: entry.bits,
        certificates: entry.certificates.len(),
        note: entry.note,
    }
}

fn cells(row: &Row) -> Vec<String> {
    let size = row.bits.map(|bits| format!("-{bits}")).unwrap_or_default();
    vec![
        format!("  {}", row.alias.as_deref().unwrap_or("(no alias)")),
        row.kind.into(),
        format!("{}{size}", row.r#type.as_deref().unwrap_or("?")),
        format!("certificates: {}", row.certificates),
        row.note.clone().unwrap_or_default(),
    ]
}
