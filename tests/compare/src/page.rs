//! The results as Markdown: a table for each kind of files with a line for each writer, and the files that stand out.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, process::Command};

use crate::{
    readers,
    table::{Outcome, Row},
};

const KINDS: [&str; 5] = ["PKCS#12", "JKS", "JCEKS", "PEM and DER", "JWK"];

/// What is told of the readers under a table, where it was so.
const ODD: [(Outcome, &str); 4] = [
    (Outcome::Some, "gives some of the keys and no error"),
    (Outcome::Nothing, "gives no key and no error"),
    (Outcome::Broke, "panics, or its process is ended"),
    (Outcome::Late, "did not end within a minute"),
];

pub fn text(rows: &[Row<'_>]) -> Result<String, Box<dyn Error>> {
    let mut page = versions()?;
    for kind in KINDS {
        let rows: Vec<_> = rows.iter().filter(|row| row.file.kind == kind).collect();
        let (counted, others): (Vec<_>, Vec<_>) =
            rows.iter().copied().partition(|row| is_opened(row));
        table(&mut page, kind, &counted)?;
        odd(&mut page, kind, &rows)?;
        missed(&mut page, kind, &counted)?;
        nobody(&mut page, &others)?;
    }
    Ok(page)
}

/// A reader gets a key that signs tokens.
fn is_opened(row: &Row<'_>) -> bool {
    let opens = |outcome: &Outcome| matches!(outcome, Outcome::All | Outcome::Some);
    row.outcomes.iter().any(opens)
}

/// Of the programs as they are here, and of the crates as the manifest pins them.
fn versions() -> Result<String, Box<dyn Error>> {
    let manifest: toml::Table = toml::from_str(include_str!("../Cargo.toml"))?;
    let pinned = |name: &str| {
        let entry = manifest.get("dependencies")?.get(name)?;
        let version = entry.get("version").unwrap_or(entry).as_str()?;
        Some(format!("{name} {}", version.trim_start_matches('=')))
    };
    let crates: Option<Vec<_>> = ["p12-keystore", "p12", "jks"]
        .map(pinned)
        .into_iter()
        .collect();
    let crates = crates.ok_or("a reader is not in the manifest")?;
    let openssl = Command::new("openssl").arg("version").output()?.stdout;
    let openssl = String::from_utf8_lossy(&openssl).into_owned();
    let openssl: Vec<_> = openssl.split_whitespace().take(2).collect();
    let java = Command::new("java").arg("--version").output()?.stdout;
    let java = String::from_utf8_lossy(&java).into_owned();
    let java = java.lines().next().unwrap_or_default();
    Ok(format!(
        "Read by the crates {}; by {}, with its legacy provider; by keytool of {java}.\n",
        crates.join(", "),
        openssl.join(" ")
    ))
}

fn table(page: &mut String, kind: &str, rows: &[&Row<'_>]) -> Result<(), Box<dyn Error>> {
    let readers = readers::of(kind);
    let mut writers = BTreeMap::<_, Vec<_>>::new();
    for row in rows {
        writers.entry(row.file.writer()).or_default().push(*row);
    }
    writeln!(
        page,
        "\n### {kind}\n\n| written by | files | {} |",
        readers.join(" | ")
    )?;
    writeln!(page, "|---|---|{}", "---|".repeat(readers.len()))?;
    for (writer, rows) in &writers {
        line(page, writer, rows, readers.len())?;
    }
    line(page, "**all**", rows, readers.len())
}

fn line(
    page: &mut String,
    name: &str,
    rows: &[&Row<'_>],
    readers: usize,
) -> Result<(), Box<dyn Error>> {
    let is_all = |row: &&&Row<'_>, at: usize| row.outcomes[at] == Outcome::All;
    let opened = |at| {
        rows.iter()
            .filter(|row| is_all(row, at))
            .count()
            .to_string()
    };
    let cells: Vec<_> = (0..readers).map(opened).collect();
    writeln!(page, "| {name} | {} | {} |", rows.len(), cells.join(" | "))?;
    Ok(())
}

/// Where a reader did what nobody can rely on.
fn odd(page: &mut String, kind: &str, rows: &[&Row<'_>]) -> Result<(), Box<dyn Error>> {
    for (at, reader) in readers::of(kind).iter().enumerate() {
        for (outcome, what) in ODD {
            let files = rows.iter().filter(|row| row.outcomes[at] == outcome);
            let names: Vec<_> = files.map(|row| name(row)).collect();
            if !names.is_empty() {
                let (count, names) = (names.len(), names.join(", "));
                writeln!(page, "\n{reader} {what} with {count}: {names}.")?;
            }
        }
    }
    Ok(())
}

/// What another reader opens, and ours does not.
fn missed(page: &mut String, kind: &str, rows: &[&Row<'_>]) -> Result<(), Box<dyn Error>> {
    let is_missed = |row: &&&Row<'_>| row.outcomes[0] != Outcome::All;
    if !rows.iter().any(|row| is_missed(&row)) {
        return Ok(());
    }
    writeln!(
        page,
        "\n| keybearer refuses | opened by | because |\n|---|---|---|"
    )?;
    for row in rows.iter().filter(is_missed) {
        let others = readers::of(kind).iter().zip(&row.outcomes);
        let others = others.filter(|(_, outcome)| **outcome == Outcome::All);
        let others: Vec<_> = others.map(|(reader, _)| *reader).collect();
        writeln!(
            page,
            "| {} | {} | {} |",
            name(row),
            others.join(", "),
            row.error
        )?;
    }
    Ok(())
}

/// What no reader gets a key out of that signs tokens.
fn nobody(page: &mut String, rows: &[&Row<'_>]) -> Result<(), Box<dyn Error>> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "\n| nobody gets a key for tokens | keybearer says |\n|---|---|"
    )?;
    for row in rows {
        writeln!(page, "| {} | {} |", name(row), row.error)?;
    }
    Ok(())
}

/// The file, and its folder where that is another than its format's.
fn name(row: &Row<'_>) -> String {
    let name = row.file.name();
    if row.file.path.contains("/crates/") {
        format!("`crates/pkcs12: {name}`")
    } else {
        format!("`{name}`")
    }
}
