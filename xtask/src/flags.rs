//! What may stand on the command line.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "written by the macro"
)]

xflags::xflags! {
    /// The project's own tasks.
    cmd xtask {
        /// Install what the tests need of other people's programs, once.
        cmd services {
            /// The heavy judges too: Keycloak and the Salesforce CLI, about 900 MB.
            optional --all
        }
        /// Run every test, and tell at the end which were skipped and why.
        cmd test {
            /// With the heavy judges: Keycloak and the Salesforce CLI.
            optional --all
        }
        /// Prove the dependency rule: layers, counts, licences, duplicates.
        cmd deps {}
        /// Prove the house rules that no compiler proves.
        cmd tidy {}
        /// Measure against the goals; the ratios of one run, not times of several.
        cmd bench {
            /// Also build every feature alone from nothing and tell crates, CPU seconds and size. Takes half an hour.
            optional --features
        }
        /// Make up what outsiders send, and see that nothing breaks: every target, or one (see fuzz/src/main.rs).
        cmd fuzz {
            /// Only this target.
            optional target: String
            /// For how long each target runs; 10 unless told.
            optional --seconds seconds: u64
        }
        /// Make the committed test files again with the programs that made them.
        cmd fixtures {
            /// Only the folders whose path contains this.
            optional folder: String
        }
        /// Tell which key files keybearer, other crates, openssl and keytool open, as tables in Markdown. Takes minutes.
        cmd compare {
            /// Into docs/key-files.md.
            optional --write
        }
        /// All that continuous integration does.
        cmd ci {}
    }
}
