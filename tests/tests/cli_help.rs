//! Help, manual pages, completions.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::{Command, ExitCode};

use keybearer_conformance::{Trial, program, require, run};
use keybearer_tests::{Scratch, keybearer, ran};

const COMMANDS: [&[&str]; 16] = [
    &["demo"],
    &["token"],
    &["assertion"],
    &["check"],
    &["sign"],
    &["verify"],
    &["key"],
    &["key", "list"],
    &["key", "show"],
    &["key", "new"],
    &["key", "copy"],
    &["cert", "new"],
    &["cert", "export"],
    &["sources"],
    &["completions"],
    &["man"],
];

fn main() -> ExitCode {
    let trial = |name: &str, test: fn()| {
        Trial::test(format!("help::{name}"), move || {
            test();
            Ok(())
        })
    };
    let mut trials = vec![
        trial("reads well", every_command_has_help_that_reads_well),
        trial("bash completes", bash_completes_commands_options_and_values),
    ];
    let man = require("man", || program("man", &["--version"]));
    trials.extend(man.trials("help::manual pages", |_| {
        vec![trial(
            "manual pages",
            every_command_has_a_manual_page_without_a_warning,
        )]
    }));
    run(trials)
}

fn every_command_has_help_that_reads_well() {
    for command in COMMANDS {
        for flag in ["--help", "-h"] {
            let help = ran(&mut keybearer(&[command, &[flag]].concat()));
            assert_eq!((help.status, help.stderr.as_str()), (0, ""), "{command:?}");
            let usage = format!("Usage: keybearer {}", command.join(" "));
            assert!(help.stdout.contains(&usage), "{}", help.stdout);
            assert!(!help.stdout.contains("<http"), "{}", help.stdout);
            assert!(
                !help.stdout.contains('`') || command == ["key", "new"],
                "{}",
                help.stdout
            );
            assert!(
                help.stdout.lines().all(|line| line.chars().count() <= 100),
                "{}",
                help.stdout
            );
        }
    }
}

fn every_command_has_a_manual_page_without_a_warning() {
    let scratch = Scratch::new();
    for command in COMMANDS {
        let page = ran(&mut keybearer(&[&["man"], command].concat()));
        let page = scratch.write("page.1", page.stdout);
        let mut man = Command::new("man");
        let shown = ran(man.args(["--warnings", "-l", &page]).env("MANWIDTH", "80"));
        assert_eq!(
            (shown.status, shown.stderr.as_str()),
            (0, ""),
            "{command:?}"
        );
        assert!(shown.stdout.contains("SYNOPSIS"), "{}", shown.stdout);
    }
}

fn bash_completes_commands_options_and_values() {
    let scratch = Scratch::new();
    let script = ran(&mut keybearer(&["completions", "bash"])).stdout;
    let script = scratch.write("keybearer.bash", script);
    for (line, expected) in [
        ("keybearer che", "check"),
        ("keybearer key ne", "new"),
        ("keybearer token --client-i", "--client-id"),
        ("keybearer token --format cu", "curl"),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let probe = format!(
            "source {script}; COMP_WORDS=({line}); COMP_CWORD={}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; \
             _keybearer keybearer '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let reply = ran(Command::new("bash").args(["-c", &probe])).ok();
        assert!(
            reply.lines().any(|word| word == expected),
            "{line}: {reply}"
        );
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(!ran(&mut keybearer(&["completions", shell])).ok().is_empty());
    }
}
