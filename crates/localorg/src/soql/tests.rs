//! Queries, and refusals of them.

use super::*;

fn tables() -> Vec<Table> {
    let user = |id: &str, name: &str, active: bool| vec![json!(id), json!(name), json!(active)];
    vec![Table {
        name: "User",
        fields: &["Id", "Username", "IsActive"],
        rows: vec![
            user("005KB0000000000YAA", "ann@example.org", true),
            user("005KB0000000001YAA", "Bob@example.org", false),
            user("005KB0000000002YAA", "cat@example.com", true),
        ],
    }]
}

fn names(query: &str) -> Vec<String> {
    let answer = answer(query, &tables(), "/services/data/v67.0").unwrap();
    let records = answer["records"].as_array().unwrap();
    assert_eq!(answer["totalSize"], records.len());
    records
        .iter()
        .map(|record| record["Username"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn queries_are_answered() {
    let (ann, bob, cat) = ("ann@example.org", "Bob@example.org", "cat@example.com");
    for (query, expected) in [
        ("SELECT Username FROM User", vec![ann, bob, cat]),
        (
            "select username, id from user where isactive = false",
            vec![bob],
        ),
        (
            "SELECT Username FROM User WHERE Username = 'BOB@example.org'",
            vec![bob],
        ),
        (
            "SELECT Username FROM User WHERE Username LIKE '%.org' AND IsActive = TRUE",
            vec![ann],
        ),
        (
            "SELECT Username FROM User WHERE Username LIKE '_o_@%' OR Id = '005KB0000000002'",
            vec![bob, cat],
        ),
        (
            "SELECT Username FROM User WHERE Id IN ('005KB0000000000YAA', '005KB0000000001YAA')",
            vec![ann, bob],
        ),
        (
            "SELECT Username FROM User WHERE Id NOT IN ('005KB0000000000YAA')",
            vec![bob, cat],
        ),
        (
            "SELECT Username FROM User WHERE Username != null ORDER BY IsActive, Username DESC",
            vec![bob, cat, ann],
        ),
        (
            "SELECT Username FROM User ORDER BY Username LIMIT 1 OFFSET 1",
            vec![bob],
        ),
        ("SELECT Username FROM User LIMIT 0", vec![]),
        (
            "SELECT Username FROM User WHERE Username = 'it\\'s'",
            vec![],
        ),
    ] {
        assert_eq!(names(query), expected, "{query}");
    }
}

#[test]
fn a_record_says_what_it_is() {
    let query = "SELECT Id FROM User LIMIT 1";
    let answer = answer(query, &tables(), "/services/data/v67.0").unwrap();
    assert_eq!(
        answer,
        json!({ "totalSize": 1, "done": true, "records": [{
            "attributes": {
                "type": "User",
                "url": "/services/data/v67.0/sobjects/User/005KB0000000000YAA",
            },
            "Id": "005KB0000000000YAA",
        }] })
    );
}

#[test]
fn rows_are_counted() {
    let query = "SELECT COUNT() FROM User WHERE IsActive = true";
    let answer = answer(query, &tables(), "").unwrap();
    assert_eq!(
        answer,
        json!({ "totalSize": 2, "done": true, "records": [] })
    );
}

#[test]
fn columns_are_told() {
    let told = columns("SELECT username, Id FROM User", &tables()).unwrap();
    assert_eq!(told["entityName"], "User");
    assert_eq!(told["columnMetadata"][0]["columnName"], "Username");
    assert_eq!(told["columnMetadata"][1]["columnName"], "Id");
    let refused = columns("SELECT Foo FROM User", &tables()).unwrap_err();
    assert_eq!(refused.code, "INVALID_FIELD");
}

#[test]
fn what_cannot_be_answered_is_refused() {
    for (query, code, part) in [
        ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (
            "SELECT Id FORM User",
            "MALFORMED_QUERY",
            "unexpected token: 'FORM'",
        ),
        ("SELECT Id FROM User WHERE", "MALFORMED_QUERY", "'<EOF>'"),
        ("SELECT Id FROM User WHERE Id", "MALFORMED_QUERY", "'<EOF>'"),
        (
            "SELECT Id FROM User WHERE Id > 'a'",
            "MALFORMED_QUERY",
            "'>'",
        ),
        (
            "SELECT Id FROM User WHERE Id = 'a",
            "MALFORMED_QUERY",
            "'''",
        ),
        ("SELECT Id FROM User WHERE Id = a", "MALFORMED_QUERY", "'a'"),
        (
            "SELECT Id FROM User WHERE Id = 'a' AND Id = 'b' OR Id = 'c'",
            "MALFORMED_QUERY",
            "'OR'",
        ),
        (
            "SELECT Id FROM User GROUP BY Id",
            "MALFORMED_QUERY",
            "'GROUP'",
        ),
        (
            "SELECT (SELECT Id FROM User) FROM User",
            "MALFORMED_QUERY",
            "'('",
        ),
        ("SELECT Id FROM User LIMIT -1", "MALFORMED_QUERY", "'-'"),
        (
            "SELECT Foo FROM User",
            "INVALID_FIELD",
            "Column:8\nNo such column 'Foo' on entity 'User'",
        ),
        ("SELECT Id FROM User ORDER BY Foo", "INVALID_FIELD", "'Foo'"),
        (
            "SELECT Id FROM Foo",
            "INVALID_TYPE",
            "Column:16\nsObject type 'Foo' is not supported.",
        ),
    ] {
        let refused = answer(query, &tables(), "").unwrap_err();
        assert_eq!(refused.code, code, "{query}");
        assert!(
            refused.message.contains(part),
            "{query}: {}",
            refused.message
        );
    }
}
