//! A local org within the test: for what people cannot ask one for, faults and a clock that is wrong.

use std::{fs, path::Path, process::Command};

use keybearer_core::Certificate;
use keybearer_localorg::{App, LocalOrg, User};
use tokio::runtime::{Builder, Runtime};

use crate::{CLIENT_ID, USER, keybearer};

/// A running org, on threads of its own.
#[derive(Debug)]
pub struct Local {
    pub org: LocalOrg,
    _runtime: Runtime,
}

impl Local {
    /// With one app of this certificate, which [`USER`] may use.
    #[track_caller]
    pub fn with_certificate(certificate: impl AsRef<Path>) -> Self {
        let certificate = Certificate::from_file(&fs::read(certificate).unwrap()).unwrap();
        let builder = LocalOrg::builder()
            .app(App::new(CLIENT_ID, certificate))
            .user(User::new(USER));
        Self::start(builder)
    }

    #[track_caller]
    pub fn start(builder: keybearer_localorg::Builder) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let org = runtime.block_on(builder.start()).unwrap();
        Self {
            org,
            _runtime: runtime,
        }
    }

    /// A command with the connection to this org in its flags; the key is the caller's to add.
    pub fn keybearer(&self, arguments: &[&str]) -> Command {
        let mut command = keybearer(arguments);
        command.args(["--login-url", &self.org.url()]);
        command.args(["--client-id", CLIENT_ID, "--username", USER]);
        command
    }
}
