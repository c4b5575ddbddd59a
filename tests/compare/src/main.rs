//! Which key files keybearer and others open, as tables in Markdown on the standard output. Every reader runs in a process of
//! its own for each file: some panic, one asks for more memory than there is, and none may go on for ever.

mod page;
mod readers;
mod table;

use std::{
    env,
    error::Error,
    io::Write,
    process::{Command, ExitCode, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use readers::{Given, Key};
use table::{File, Outcome, Row, Table};

/// A reader has so long for one file; nothing that ends takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(60);
/// The exit status of a process whose time is over.
const TOO_LATE: i32 = 75;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [reader, format, path, password, key_password, alias] => child(
            reader,
            &Given {
                format,
                path,
                password,
                key_password,
                alias,
            },
        ),
        [root] => compare(root),
        _ => Err("compare ROOT, the root of the project".into()),
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
fn child(reader: &str, given: &Given<'_>) -> Result<(), Box<dyn Error>> {
    thread::spawn(|| {
        thread::sleep(LIMIT);
        std::process::exit(TOO_LATE);
    });
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
    // A curve that is spelled out and a compressed point become the common form; of other keys that cannot be asked.
    let common = [
        "-ec_param_enc",
        "named_curve",
        "-ec_conv_form",
        "uncompressed",
    ];
    public_with(private, &common).or_else(|_| public_with(private, &[]))
}

fn public_with(private: &[u8], more: &[&str]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut command = Command::new("openssl");
    command
        .args(["pkey", "-pubout", "-outform", "DER"])
        .args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = command.stderr(Stdio::null()).spawn()?;
    let mut input = program.stdin.take().ok_or("no standard input")?;
    input.write_all(private)?;
    drop(input);
    let output = program.wait_with_output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err("what it found is no private key".into())
    }
}

fn compare(root: &str) -> Result<(), Box<dyn Error>> {
    let table = Table::read(root)?;
    let jobs: Vec<_> = table.files.iter().collect();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let work = || -> Result<(), String> {
            while let Some(file) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let row = row(file, &table).map_err(|error| format!("{}: {error}", file.name()))?;
                rows.lock().map_err(|error| error.to_string())?.push(row);
            }
            Ok(())
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| {
            let ended = worker.join();
            ended.map_err(|_| "a worker broke".to_owned()).flatten()
        });
        ended.collect::<Result<Vec<()>, String>>()
    })?;
    let mut rows = rows.into_inner().map_err(|error| error.to_string())?;
    rows.sort_by_key(|row| (row.file.kind.clone(), row.file.name().to_owned()));
    print!("{}", page::text(&rows)?);
    Ok(())
}

fn row<'a>(file: &'a File, table: &Table) -> Result<Row<'a>, Box<dyn Error>> {
    let mut row = Row {
        file,
        outcomes: Vec::new(),
        error: String::new(),
    };
    for reader in readers::of(&file.kind) {
        let (outcome, error) = run(reader, file, table)?;
        row.outcomes.push(outcome);
        if *reader == readers::OURS {
            row.error = error;
        }
    }
    Ok(row)
}

/// What one reader makes of a file, and what it says.
fn run(reader: &str, file: &File, table: &Table) -> Result<(Outcome, String), Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(reader).arg(&file.format).arg(&file.path);
    command.arg(&file.password).arg(&file.key_password);
    command.arg(file.alias());
    let output = command.stdin(Stdio::null()).output()?;
    let found = String::from_utf8(output.stdout)?;
    let outcome = match output.status.code() {
        Some(0) => table.judge(file, &found.lines().collect::<Vec<_>>()),
        Some(1) => Outcome::Refused,
        Some(TOO_LATE) => Outcome::Late,
        _ => Outcome::Broke,
    };
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((outcome, error))
}
