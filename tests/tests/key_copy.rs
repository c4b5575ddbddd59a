//! `key copy` in every direction between JKS, PKCS#12 and PEM, judged by openssl, keytool and Python.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{fs, path::PathBuf, process::ExitCode};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_core::{Certificate, PublicKey};
use keybearer_tests::{Ran, Scratch, keybearer, python_with, ran, tool};
use serde_json::{Value, json};

const PASSWORD: &str = "correct-horse";
const OTHER: &str = "battery-staple";

fn main() -> ExitCode {
    let test = |name: &str, test: fn()| {
        let name = format!("key_copy::{name}");
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let openssl = require("openssl", || program("openssl", &["version"]));
    let mut trials = openssl.trials("key_copy", |_| {
        vec![
            test("every direction keeps key, chain and name", directions),
            test("a store gets one more entry", one_more),
            test("certificates of another file come along", certificates),
            test("the old way of PKCS#12", legacy),
            test("key new in PKCS#12", new),
            test("what is refused", refusals),
            test("no secret is told", no_secret),
        ]
    });
    let keytool = require("keytool", || program("keytool", &["-help"]));
    trials.extend(keytool.trials("key_copy::keytool", |_| {
        vec![test("keytool reads stores and chains", keytool_reads)]
    }));
    for (module, kinds) in [
        ("jks", ["jks"].as_slice()),
        ("cryptography", &["pkcs12", "pem"]),
    ] {
        let python = require(module, || python_with(module));
        let name = format!("key_copy::{module} of Python");
        trials.extend(python.trials(&name, |python| {
            vec![Trial::test(name.as_str(), move || {
                python_reads(&python, kinds)
            })]
        }));
    }
    run(trials)
}

/// A key with a chain of two, in PEM.
struct Source {
    scratch: Scratch,
    chain: Vec<Certificate>,
    public: PublicKey,
}

impl Source {
    fn new() -> Self {
        let scratch = Scratch::new();
        let (ca_key, ca) = scratch.openssl_key("ca", "ec");
        let (key, request) = (scratch.text("job.pem"), scratch.text("job.csr"));
        let leaf = scratch.text("job.crt");
        let arguments = [
            "req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=job",
        ];
        tool(
            "openssl",
            &[&arguments[..], &["-keyout", &key, "-out", &request]].concat(),
        );
        let issue = ["x509", "-req", "-days", "30", "-in", &request, "-CA", &ca];
        let rest = ["-CAkey", &ca_key, "-CAcreateserial", "-out", &leaf];
        tool("openssl", &[&issue[..], &rest].concat());
        let chain = [leaf, ca].map(|path| {
            let read = Certificate::from_file(&fs::read(path).unwrap());
            read.unwrap().remove(0)
        });
        let public = tool("openssl", &["pkey", "-pubout", "-in", &key]);
        // The issuer stands first: the chain is put in order.
        let all = fs::read_to_string(&key).unwrap() + &chain[1].to_pem() + &chain[0].to_pem();
        scratch.write("all.pem", all);
        Self {
            scratch,
            chain: chain.to_vec(),
            public: PublicKey::from_file(public.as_bytes()).unwrap(),
        }
    }

    fn uri(&self, scheme: &str, name: &str) -> String {
        let path = self.scratch.text(name);
        format!("{scheme}:{path}?password-source=env:P")
    }

    /// The key under the alias `job` in each format; the PEM file is encrypted.
    fn everywhere(&self) -> [(&'static str, String); 3] {
        let plain = format!("pem:{}", self.scratch.text("all.pem"));
        let jks = self.uri("jks", "job.jks");
        copy(&plain, &format!("{jks}&alias=job"), &[]).ok();
        let pkcs12 = self.uri("pkcs12", "job.p12");
        copy(&jks, &pkcs12, &[]).ok();
        let pem = self.uri("pem", "job-sealed.pem");
        copy(&jks, &pem, &[]).ok();
        [("jks", jks), ("pkcs12", pkcs12), ("pem", pem)]
    }

    /// Checks what `key show` tells of a key, and the chain that is exported.
    fn check(&self, shown: &Value, alias: Option<&str>) {
        assert_eq!(
            shown["spki_sha256"],
            keybearer_soft::spki_sha256(&self.public)
        );
        assert_eq!(shown["alias"], json!(alias), "{shown}");
        let subjects: Vec<_> = shown["certificates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|certificate| certificate["subject"].as_str().unwrap())
            .collect();
        assert_eq!(subjects, ["CN=job", "CN=keybearer test"], "{shown}");
    }
}

fn copy(from: &str, to: &str, more: &[&str]) -> Ran {
    let mut command = keybearer(&["key", "copy", "--json", from, to]);
    ran(command.args(more).env("P", PASSWORD).env("OTHER", OTHER))
}

fn show(uri: &str) -> Value {
    let mut command = keybearer(&["key", "show", "--json", uri]);
    ran(command.env("P", PASSWORD).env("OTHER", OTHER)).json()
}

fn directions() {
    let source = Source::new();
    for (from, uri) in source.everywhere() {
        source.check(&show(&uri), (from != "pem").then_some("job"));
        for (to, end) in [("jks", "jks"), ("pkcs12", "p12"), ("pem", "pem")] {
            let name = format!("{from}-to.{end}");
            let target = source.uri(to, &name).replace("env:P", "env:OTHER");
            let told = copy(&uri, &target, &[]).json();
            let alias = (to != "pem").then_some("job");
            source.check(&told, alias);
            let shown = show(&target);
            assert_eq!(shown["id"], told["id"]);
            source.check(&shown, alias);
            // A PEM file has the name in the text before the key: back in a store, it is there again.
            let back = source.uri("pkcs12", &format!("{from}-{to}-back.p12"));
            source.check(&copy(&target, &back, &[]).json(), Some("job"));
            // openssl sees the same key.
            let read = match to {
                "jks" => back.replace("pkcs12:", ""),
                _ => target.split_once(':').unwrap().1.to_owned(),
            };
            let path = read.split_once('?').unwrap().0.to_owned();
            let password = match to {
                "jks" => PASSWORD,
                _ => OTHER,
            };
            assert_eq!(
                by_openssl(&source, &path, to == "pem", password),
                source.public
            );
            // And an alias of its own choice.
            if to != "pem" {
                let named = copy(&uri, &format!("{target}&alias=other"), &[]).json();
                source.check(&named, Some("other"));
            }
        }
    }
}

/// The public half of a PEM file or a PKCS#12 store, and the certificates in it, by openssl.
fn by_openssl(source: &Source, path: &str, is_pem: bool, password: &str) -> PublicKey {
    let pass = format!("pass:{password}");
    let pem = match is_pem {
        true => fs::read_to_string(path).unwrap(),
        false => tool(
            "openssl",
            &["pkcs12", "-nodes", "-in", path, "-passin", &pass],
        ),
    };
    if !is_pem {
        assert_eq!(pem.matches("friendlyName: job").count(), 2, "{path}");
    }
    assert_eq!(
        Certificate::from_file(pem.as_bytes()).unwrap(),
        source.chain
    );
    let file = source.scratch.write("out.pem", pem);
    let public = tool(
        "openssl",
        &["pkey", "-pubout", "-in", &file, "-passin", &pass],
    );
    PublicKey::from_file(public.as_bytes()).unwrap()
}

fn one_more() {
    let source = Source::new();
    for (scheme, uri) in source.everywhere() {
        if scheme == "pem" {
            continue;
        }
        let before = source.scratch.path(if scheme == "jks" {
            "job.jks"
        } else {
            "job.p12"
        });
        let bytes = fs::read(&before).unwrap();
        let taken = copy(&uri, &format!("{uri}&alias=JOB"), &[]).error(1);
        assert_eq!(taken["kind"], "unsupported");
        assert!(
            taken["hint"].as_str().unwrap().contains("--force"),
            "{taken}"
        );
        assert_eq!(fs::read(&before).unwrap(), bytes);
        // Within one store, a copy is another name.
        copy(&uri, &format!("{uri}&alias=more"), &[]).ok();
        let mut list = keybearer(&["key", "list", "--json", &uri]);
        let listed = ran(list.env("P", PASSWORD)).json();
        let aliases: Vec<_> = listed["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (&entry["alias"], &entry["certificates"]))
            .collect();
        assert_eq!(
            aliases,
            [(&json!("job"), &json!(2)), (&json!("more"), &json!(2))]
        );
        copy(
            &format!("{uri}&alias=job"),
            &format!("{uri}&alias=more"),
            &["--force"],
        )
        .ok();
        // A bare path finds its kind, where the file is there.
        let bare = uri.replace(&format!("{scheme}:"), "keystore:");
        source.check(
            &copy(
                &format!("{bare}&alias=job"),
                &format!("{bare}&alias=third"),
                &[],
            )
            .json(),
            Some("third"),
        );
    }
    let pem = source.scratch.text("all.pem");
    let to = format!("pem:{}", source.scratch.text("job-sealed.pem"));
    assert_eq!(copy(&pem, &to, &[]).error(1)["kind"], "unsupported");
    copy(&pem, &to, &["--force"]).ok();
}

fn certificates() {
    let source = Source::new();
    let (key, chain) = (
        source.scratch.text("job.pem"),
        source.scratch.text("all.pem"),
    );
    let to = source.uri("pkcs12", "with.p12");
    let told = copy(
        &format!("pem:{key}?certificate={chain}"),
        &format!("{to}&alias=job"),
        &[],
    );
    source.check(&told.json(), Some("job"));
    // A key without a certificate is one of PKCS#12 and of PEM, and none of Java's.
    let bare = copy(&key, &source.uri("pkcs12", "bare.p12"), &[]).json();
    assert_eq!(
        (&bare["alias"], &bare["certificates"]),
        (&json!(null), &json!([]))
    );
    let jks = format!("{}&alias=job", source.uri("jks", "bare.jks"));
    let error = copy(&key, &jks, &[]).error(1);
    assert!(
        error["hint"].as_str().unwrap().contains("cert new"),
        "{error}"
    );
    assert!(!source.scratch.path("bare.jks").exists());
}

fn legacy() {
    let source = Source::new();
    let from = source.scratch.text("all.pem");
    let to = source.uri("pkcs12", "old.p12") + "&alias=job&protection=legacy";
    source.check(&copy(&from, &to, &[]).json(), Some("job"));
    let path = source.scratch.text("old.p12");
    let public = by_openssl(&source, &path, false, PASSWORD);
    assert_eq!(public, source.public);
    let pass = format!("pass:{PASSWORD}");
    let info = ["pkcs12", "-info", "-noout", "-in", &path, "-passin", &pass];
    let told = ran(std::process::Command::new("openssl").args(info)).stderr;
    for part in ["MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("PBES2"), "{told}");
}

fn new() {
    let source = Source::new();
    let uri = source.uri("pkcs12", "new.p12") + "&alias=Job";
    let mut command = keybearer(&["key", "new", "--json", &uri, "--subject", "CN=job"]);
    let made = ran(command.env("P", PASSWORD)).json();
    assert_eq!(
        (&made["alias"], &made["bits"]),
        (&json!("Job"), &json!(2048))
    );
    assert_eq!(show(&uri)["id"], made["id"]);
    let pass = format!("pass:{PASSWORD}");
    let path = source.scratch.text("new.p12");
    let text = tool(
        "openssl",
        &["pkcs12", "-nodes", "-in", &path, "-passin", &pass],
    );
    assert_eq!(text.matches("friendlyName: Job").count(), 2);
    let file = source.scratch.write("out.pem", text);
    tool("openssl", &["pkey", "-check", "-noout", "-in", &file]);
}

fn refusals() {
    let source = Source::new();
    let from = source.scratch.text("all.pem");
    let jks = source.uri("jks", "job.jks");
    // A token gives no key out, and takes none: told before it is looked for.
    let token = "pkcs11:token=none;object=job?module-path=/nonexistent.so";
    for (from, to, words) in [
        (token, jks.as_str(), "keys do not leave it"),
        (from.as_str(), token, "keys are not put into it"),
    ] {
        let error = copy(from, to, &[]).error(1);
        assert_eq!(error["kind"], "unsupported");
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{error}"
        );
        assert!(
            error["hint"].as_str().unwrap().contains("pkcs12:"),
            "{error}"
        );
    }
    // The name of a new file does not tell its kind.
    let error = copy(&from, &source.scratch.text("new.p12"), &[]).error(1);
    assert!(
        error["hint"].as_str().unwrap().contains("pkcs12:PATH"),
        "{error}"
    );
    // Java's stores have no key without a name.
    assert_eq!(copy(&from, &jks, &[]).error(2)["kind"], "invalid_uri");
    // What is about the key belongs to FROM.
    let to = format!("{jks}&alias=job&certificate={from}");
    let error = copy(&from, &to, &[]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("FROM"), "{error}");
    let to = source
        .uri("pkcs12", "none.p12")
        .replace("env:P", "env:NONE");
    assert_eq!(copy(&from, &to, &[]).error(1)["kind"], "bad_secret");
    let mut usage = keybearer(&["key", "copy", &from]);
    assert_eq!(ran(&mut usage).status, 2);
    let made = fs::read_dir(source.scratch.folder()).unwrap();
    let made: Vec<_> = made.map(|file| file.unwrap().file_name()).collect();
    assert!(
        made.iter()
            .all(|name| !name.to_string_lossy().contains("p12")),
        "{made:?}"
    );
}

fn no_secret() {
    let source = Source::new();
    let from = source.scratch.text("all.pem");
    let to = format!(
        "pkcs12:{}?alias=job&password-value={PASSWORD}",
        source.scratch.text("a.p12")
    );
    for more in [[].as_slice(), &["--force"], &["-vv", "--force"], &[]] {
        let told = copy(&from, &to, more);
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(!all.contains(PASSWORD), "{all}");
        assert!(!all.contains("PRIVATE KEY"), "{all}");
    }
    let bytes = fs::read(source.scratch.path("a.p12")).unwrap();
    // Neither lies the key open in the file.
    let file = source.scratch.text("job.der");
    let key = source.scratch.text("job.pem");
    tool(
        "openssl",
        &["pkey", "-in", &key, "-outform", "DER", "-out", &file],
    );
    let der = fs::read(file).unwrap();
    let part = &der[der.len() - 32..];
    assert!(!bytes.windows(part.len()).any(|window| window == part));
}

fn keytool_reads() {
    let source = Source::new();
    for (scheme, uri) in source.everywhere() {
        if scheme == "pem" {
            continue;
        }
        let path = uri
            .split_once(':')
            .unwrap()
            .1
            .split_once('?')
            .unwrap()
            .0
            .to_owned();
        let common = ["-keystore", &path, "-storepass", PASSWORD];
        let listed = tool("keytool", &[&["-list", "-v"], &common[..]].concat());
        for part in [
            "contains 1 entry",
            "Alias name: job",
            "Certificate chain length: 2",
        ] {
            assert!(listed.contains(part), "{listed}");
        }
        let again = source.scratch.text(&format!("{scheme}-again.p12"));
        let import = ["-importkeystore", "-noprompt", "-deststoretype", "PKCS12"];
        let ends = [
            "-srckeystore",
            &path,
            "-srcstorepass",
            PASSWORD,
            "-destkeystore",
            &again,
        ];
        let rest = ["-deststorepass", PASSWORD];
        tool("keytool", &[&import[..], &ends, &rest].concat());
        let public = by_openssl(&source, &again, false, PASSWORD);
        assert_eq!(public, source.public);
    }
}

fn python_reads(python: &PathBuf, kinds: &[&str]) -> Result<(), Failed> {
    let source = Source::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/key_file.py");
    let spki = STANDARD.encode(source.public.spki_der());
    let chain: Vec<_> = source
        .chain
        .iter()
        .map(|one| STANDARD.encode(one.as_der()))
        .collect();
    let mut files = source.everywhere().to_vec();
    let old = source.uri("pkcs12", "old.p12");
    copy(&files[0].1, &format!("{old}&protection=legacy"), &[]).ok();
    files.push(("pkcs12", old));
    for (scheme, uri) in files.iter().filter(|(scheme, _)| kinds.contains(scheme)) {
        let path = uri.split_once(':').unwrap().1.split_once('?').unwrap().0;
        let mut command = std::process::Command::new(python);
        let read = ran(command.args([script, scheme, path, PASSWORD])).json();
        let name = if *scheme == "pem" { "" } else { "job" };
        assert_eq!(read, json!({name: {"spki": spki, "chain": chain}}), "{uri}");
    }
    Ok(())
}
