//! Which key files keybearer and others open, as tables in Markdown on the standard output. Every reader runs in a process of
//! its own for each file: some panic, and one asks for more memory than there is.

mod readers;
mod table;

use std::{
    env,
    error::Error,
    io::Write,
    process::{Command, ExitCode, Stdio},
};

use readers::{Given, Key};
use table::{File, Outcome, Table};

fn main() -> ExitCode {
    let mut arguments: Vec<_> = env::args().skip(1).collect();
    let done = match arguments.as_mut_slice() {
        [reader, format, path, password, key_password] => {
            let given = Given {
                format: std::mem::take(format),
                path: std::mem::take(path),
                password: std::mem::take(password),
                key_password: std::mem::take(key_password),
            };
            child(reader, &given)
        }
        [folder] => compare(folder),
        _ => Err("compare FOLDER, of key files with a table.toml".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the digest of each public key that one reader finds.
fn child(reader: &str, given: &Given) -> Result<(), Box<dyn Error>> {
    for key in readers::read(reader, given)? {
        let public = match key {
            Key::Public(public) => public,
            Key::Private(private) => public_of(&private)?,
        };
        println!("{}", table::digest(&public));
    }
    Ok(())
}

/// By openssl, which the readers have no part in.
fn public_of(private: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let begin = private.windows(10).position(|bytes| bytes == b"-----BEGIN");
    let mut command = Command::new("openssl");
    command.args(["pkey", "-pubout", "-outform", "DER"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = command.stderr(Stdio::null()).spawn()?;
    let mut input = program.stdin.take().ok_or("no standard input")?;
    input.write_all(&private[begin.unwrap_or(0)..])?;
    drop(input);
    let output = program.wait_with_output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err("what it found is no private key".into())
    }
}

fn compare(folder: &str) -> Result<(), Box<dyn Error>> {
    let table = Table::read(folder)?;
    for format in ["pkcs12", "jks", "pem"] {
        let results = table.of(format).map(|file| {
            let outcomes = readers::of(format).iter();
            let outcomes = outcomes.map(|reader| run(reader, file, &table));
            Ok((file, outcomes.collect::<Result<Vec<_>, Box<dyn Error>>>()?))
        });
        let results = results.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        table::print(format, readers::of(format), &results);
    }
    Ok(())
}

fn run(reader: &str, file: &File, table: &Table) -> Result<Outcome, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(reader).arg(&file.format).arg(&file.path);
    command.arg(&file.password).arg(&file.key_password);
    let output = command.stdin(Stdio::null()).output()?;
    let told = String::from_utf8(output.stdout)?;
    Ok(match output.status.code() {
        Some(0) => table.judge(file, &told.lines().collect::<Vec<_>>()),
        Some(1) => Outcome::Refused,
        _ => Outcome::Broke,
    })
}
