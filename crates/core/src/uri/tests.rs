//! What key URIs mean, and which are refused.

use super::*;

fn parse(text: &str) -> KeyUri {
    text.parse().unwrap()
}

fn refused(text: &str) -> Error {
    let error = text.parse::<KeyUri>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri, "{text}");
    assert!(error.hint().is_some());
    error
}

#[test]
fn parts() {
    let uri = parse("JKS:/Etc/My+Keys%3F.jks?alias=Job%26Cert&password-source=env:P");
    assert_eq!(
        (uri.scheme(), uri.locator()),
        ("jks", "/Etc/My+Keys%3F.jks")
    );
    assert_eq!(uri.decoded_locator().unwrap(), "/Etc/My+Keys?.jks");
    assert_eq!(uri.attribute("alias"), Some("Job&Cert"));
    assert_eq!(
        uri.to_string(),
        "jks:/Etc/My+Keys%3F.jks?alias=Job%26Cert&password-source=env:P"
    );
    assert_eq!(parse(&uri.to_string()), uri);
}

#[test]
fn attributes_move_to_another_place() {
    let uri: KeyUri = "awskms:alias/jobs?profile=p%26q".parse().unwrap();
    let moved = uri.with_literal("arn:a?b");
    assert_eq!(moved.to_string(), "awskms:arn:a%3Fb?profile=p%26q");
    assert_eq!(moved.attribute("profile"), Some("p&q"));
}

#[test]
fn bare_paths_are_literal() {
    let (uri, path) = (parse("//share/job.jks"), "//share/job.jks");
    assert_eq!(parse(&uri.to_string()).decoded_locator().unwrap(), path);
    for path in [
        "/etc/keys/100%?a=b.jks",
        "key.pem",
        "./a:b",
        r"D:\keys\00D28.jks",
        "D:/keys/00D28.jks",
        "a b",
    ] {
        let uri = parse(path);
        assert_eq!(
            (uri.scheme(), uri.decoded_locator().unwrap().as_str()),
            ("keystore", path)
        );
        assert_eq!(uri.attribute_names().count(), 0);
        assert_eq!(parse(&uri.to_string()), uri);
    }
    assert_eq!(parse("d:keys").scheme(), "d");
}

#[test]
fn secrets_never_print() {
    let uri = parse("jks:/a.jks?password-value=hunter2%26&alias=x");
    for text in [uri.to_string(), format!("{uri:?}"), format!("{uri:#?}")] {
        assert!(!text.contains("hunter2") && text.contains("***"), "{text}");
    }
    let slip = parse("jks:/a.jks?password-source=hunter2&pin-source=env:P");
    assert_eq!(
        slip.to_string(),
        "jks:/a.jks?password-source=***&pin-source=env:P"
    );
    assert_eq!(uri.attribute("password-value"), None);
    assert_eq!(
        uri.value("password-value"),
        Some(&Value::Secret("hunter2&".into()))
    );
}

#[test]
fn bad_syntax_is_refused() {
    for text in [
        "",
        "jks:",
        "jks://etc/a.jks",
        "jks:?alias=a",
        "jks:/a%",
        "jks:/a%zz",
        "jks:/a%+1",
        "jks:/a?alias",
    ] {
        refused(text);
    }
    for text in [
        "jks:/a?=b",
        "jks:/a?alias=a&alias=b",
        "jks:/a?alias=%4",
        "jks:/a?&",
        "a\0b",
    ] {
        refused(text);
    }
    assert!(!format!("{:?}", refused("jks:/a?password-value=hunter2&b")).contains("hunter2"));
}

#[test]
fn control_characters_are_escaped_when_printed() {
    assert_eq!(
        parse("/a\u{1b}[31m\u{85}b").to_string(),
        "keystore:/a%1B[31m%C2%85b"
    );
}

#[test]
fn pkcs11_is_left_as_it_is() {
    let uri = parse(
        "pkcs11:token=My%20Token;id=%01%02;object=a?module-path=/usr/lib/x.so&pin-value=1234",
    );
    assert_eq!(uri.locator(), "token=My%20Token;id=%01%02;object=a");
    assert_eq!(uri.attribute("module-path"), Some("/usr/lib/x.so"));
}

#[test]
fn unknown_attributes_are_named() {
    const KNOWN: &[Attribute] = &[Attribute::new("alias", "the entry")];
    let error = parse("jks:/a?alia=b").check_attributes(KNOWN).unwrap_err();
    assert_eq!(error.to_string(), "jks: has no attribute \"alia\"");
    assert_eq!(error.hint(), Some("the attributes of jks: are alias"));
    parse("jks:/a?alias=b").check_attributes(KNOWN).unwrap();
}

#[test]
fn attributes_are_replaced() {
    let uri = parse("jks:/a?alias=b")
        .with_attribute("alias", "c%&")
        .with_attribute("password-value", "p");
    assert_eq!(uri.to_string(), "jks:/a?alias=c%25%26&password-value=***");
    assert_eq!(
        uri.without_attribute("password-value")
            .without_attribute("alias")
            .to_string(),
        "jks:/a"
    );
}
