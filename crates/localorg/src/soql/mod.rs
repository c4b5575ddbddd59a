//! A little SOQL, over what the org knows of itself: `User` and `Organization`.
//!
//! `SELECT fields | COUNT() FROM object [WHERE conditions] [ORDER BY fields] [LIMIT n] [OFFSET n]`, where a condition is
//! `field = != LIKE value` or `field [NOT] IN (values)`, and all are joined by `AND`, or all by `OR`. Anything else is
//! refused, with Salesforce's error for what it cannot read.

mod parse;
mod token;

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use parse::{Condition, Fields, Name, Operator, Query};

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// `MALFORMED_QUERY`, `INVALID_FIELD` or `INVALID_TYPE`.
    pub(crate) code: &'static str,
    /// Salesforce's way to tell: the query, a mark under the place, and what is wrong there.
    pub(crate) message: String,
}

/// The rows of an object.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The fields, `Id` first.
    pub(crate) fields: &'static [&'static str],
    pub(crate) rows: Vec<Vec<Value>>,
}

/// Answers a query. `prefix` is the path of the version: `/services/data/v67.0`.
pub(crate) fn answer(text: &str, tables: &[Table], prefix: &str) -> Result<Value, Refused> {
    let query = parse::parse(text)?;
    let table = table_of(&query, text, tables)?;
    let column = |name: &Name| column_of(name, text, table);
    let rows = select(&query, table, &column)?;
    let names = match &query.fields {
        Fields::Count => {
            return Ok(json!({ "totalSize": rows.len(), "done": true, "records": [] }));
        }
        Fields::Named(names) => names,
    };
    let columns = names.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let records: Vec<_> = rows
        .iter()
        .map(|row| record(row, &columns, table, prefix))
        .collect();
    Ok(json!({ "totalSize": records.len(), "done": true, "records": records }))
}

/// Tells the columns of a query's answer, as `columns=true` asks for.
pub(crate) fn columns(text: &str, tables: &[Table]) -> Result<Value, Refused> {
    let query = parse::parse(text)?;
    let table = table_of(&query, text, tables)?;
    let names: &[Name] = match &query.fields {
        Fields::Count => &[],
        Fields::Named(names) => names,
    };
    let told = names.iter().map(|name| {
        let known = table.fields.get(column_of(name, text, table)?);
        Ok(json!({
            "columnName": known,
            "displayName": known,
            "aggregate": false,
            "custom": false,
            "joinColumns": [],
        }))
    });
    let told = told.collect::<Result<Vec<_>, Refused>>()?;
    Ok(json!({ "columnMetadata": told, "entityName": table.name }))
}

fn table_of<'a>(query: &Query, text: &str, tables: &'a [Table]) -> Result<&'a Table, Refused> {
    let (object, at) = &query.object;
    let mut tables = tables.iter();
    let table = tables.find(|table| table.name.eq_ignore_ascii_case(object));
    table.ok_or_else(|| {
        let what = format!("sObject type '{object}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.");
        Refused::new("INVALID_TYPE", text, *at, what)
    })
}

fn column_of((name, at): &Name, text: &str, table: &Table) -> Result<usize, Refused> {
    let known = |field: &&str| field.eq_ignore_ascii_case(name);
    table.fields.iter().position(known).ok_or_else(|| {
        let what = format!("No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", table.name);
        Refused::new("INVALID_FIELD", text, *at, what)
    })
}

type Column<'a> = &'a dyn Fn(&Name) -> Result<usize, Refused>;

fn select<'a>(
    query: &Query,
    table: &'a Table,
    column: Column<'_>,
) -> Result<Vec<&'a Vec<Value>>, Refused> {
    let conditions = query.conditions.iter();
    let conditions = conditions.map(|condition| Ok((column(&condition.field)?, condition)));
    let conditions = conditions.collect::<Result<Vec<_>, Refused>>()?;
    let holds = |row: &&Vec<Value>| {
        let mut each = conditions
            .iter()
            .map(|(at, condition)| condition.holds(row.get(*at).unwrap_or(&Value::Null)));
        if query.any {
            conditions.is_empty() || each.any(|holds| holds)
        } else {
            each.all(|holds| holds)
        }
    };
    let mut rows: Vec<_> = table.rows.iter().filter(holds).collect();
    for (field, descending) in query.order.iter().rev() {
        let at = column(field)?;
        rows.sort_by(|a, b| {
            let order = compare(a.get(at), b.get(at));
            if *descending { order.reverse() } else { order }
        });
    }
    let limit = query.limit.unwrap_or(usize::MAX);
    Ok(rows.into_iter().skip(query.offset).take(limit).collect())
}

fn record(row: &[Value], columns: &[usize], table: &Table, prefix: &str) -> Value {
    let value = |at: usize| row.get(at).cloned().unwrap_or_default();
    let id = value(0);
    let url = format!(
        "{prefix}/sobjects/{}/{}",
        table.name,
        id.as_str().unwrap_or_default()
    );
    let mut record = Map::new();
    record.insert(
        "attributes".into(),
        json!({ "type": table.name, "url": url }),
    );
    for at in columns {
        let name = table.fields.get(*at).copied().unwrap_or_default();
        record.insert(name.into(), value(*at));
    }
    record.into()
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        let is_among = self.values.iter().any(|wanted| equal(value, wanted));
        match self.operator {
            Operator::Equal | Operator::In => is_among,
            Operator::NotEqual | Operator::NotIn => !is_among,
            Operator::Like => {
                self.values
                    .iter()
                    .any(|pattern| match (value.as_str(), pattern.as_str()) {
                        (Some(text), Some(pattern)) => {
                            like(&text.to_lowercase(), &pattern.to_lowercase())
                        }
                        _ => false,
                    })
            }
        }
    }
}

/// Text is equal without case; an id is too where its check characters are left out.
fn equal(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => {
            value.to_lowercase() == wanted.to_lowercase()
                || (value.len() == 18 && wanted.len() == 15 && value.starts_with(wanted))
        }
        (value, wanted) => value == wanted,
    }
}

/// `%` stands for any text, `_` for any one character.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<_>, Vec<_>) = (text.chars().collect(), pattern.chars().collect());
    // Row by row: whether the pattern so far matches the first n characters.
    let mut matches = vec![false; text.len() + 1];
    matches[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match sign {
                '%' => matches[at] || (at > 0 && next[at - 1]),
                '_' => at > 0 && matches[at - 1],
                sign => at > 0 && matches[at - 1] && text[at - 1] == sign,
            };
        }
        matches = next;
    }
    matches[text.len()]
}

/// Nothing comes first, as in SOQL.
fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let key = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.to_lowercase()),
        Some(other) => Some(other.to_string()),
    };
    key(a).cmp(&key(b))
}

impl Refused {
    /// `at` is the place in the query, in characters.
    fn new(code: &'static str, query: &str, at: usize, what: String) -> Self {
        let line: String = query
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let mark = " ".repeat(at);
        Self {
            code,
            message: format!(
                "\n{line}\n{mark}^\nERROR at Row:1:Column:{}\n{what}",
                at + 1
            ),
        }
    }
}

#[cfg(test)]
mod tests;
