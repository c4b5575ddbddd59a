//! Asking the person at the terminal for a secret.

use std::io;

use keybearer_core::Secret;

use crate::{progress, text::printable};

/// Asks once, without an echo.
pub(crate) fn ask(question: &str) -> io::Result<Secret> {
    let _restored = Terminal::remember()?;
    let question = format!("{}: ", capitalised(question));
    progress::aside(|| rpassword::prompt_password(question)).map(Secret::from)
}

/// Asks twice for the password of something new, which must not be a slip of the finger; once for what is there already
/// and will be checked.
pub(crate) fn ask_choosing(question: &str) -> io::Result<Secret> {
    let first = ask(question)?;
    let is_new = question.split(' ').any(|word| word == "new");
    if !is_new || ask(&format!("{question}, once more"))? == first {
        Ok(first)
    } else {
        Err(io::Error::other("the two answers differ"))
    }
}

fn capitalised(question: &str) -> String {
    let clean = printable(question);
    let mut chars = clean.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

use terminal::Terminal;
pub(crate) use terminal::restore as restore_terminal;

/// A process that ends by a signal in the middle of a prompt must not leave the terminal without an echo.
#[cfg(unix)]
mod terminal {
    use std::{
        fs::File,
        io,
        sync::{Mutex, PoisonError},
    };

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);

    /// Holds the terminal's settings until it is dropped.
    pub(super) struct Terminal;

    impl Terminal {
        pub(super) fn remember() -> io::Result<Self> {
            let tty = File::open("/dev/tty").map_err(|_| {
                io::Error::new(io::ErrorKind::Unsupported, "there is no terminal to ask at")
            })?;
            let settings = tcgetattr(&tty)?;
            let mut silent = settings.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
            let (tty, _) = before.insert((tty, settings));
            // Before the question is shown: what is typed or pasted at once must not be echoed either.
            tcsetattr(&*tty, OptionalActions::Now, &silent)?;
            Ok(Self)
        }
    }

    impl Drop for Terminal {
        fn drop(&mut self) {
            restore();
        }
    }

    pub(crate) fn restore() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((tty, settings)) = before {
            // A terminal that has gone needs no settings.
            let _ = tcsetattr(&tty, OptionalActions::Now, &settings);
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use std::io;

    /// The console resets itself when the process ends.
    pub(super) struct Terminal;

    impl Terminal {
        pub(super) fn remember() -> io::Result<Self> {
            Ok(Self)
        }
    }

    pub(crate) fn restore() {}
}
