//! Modules: each is loaded and initialised once in a process, whoever asks for it.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as Cryptoki, RvError},
};
use keybearer_core::{Error, ErrorKind, Result};

use crate::{
    exit, fault,
    token::{Identity, Token},
};

/// A module that was initialised, with the tokens that were used through it.
pub(crate) struct Module {
    path: PathBuf,
    context: Pkcs11,
    tokens: Mutex<HashMap<Identity, Arc<Token>>>,
}

impl Module {
    /// The module of this file, initialised. It stays so until the process ends: `C_Finalize` would take it away from
    /// whatever else uses it.
    ///
    /// Blocks: a module may do network I/O here.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for a library that is no PKCS#11 module, [`ErrorKind::Backend`] for one that cannot be
    /// loaded.
    pub(crate) fn load(path: &Path) -> Result<Arc<Self>> {
        // One slot for each file, so that a module that hangs while it is initialised holds up nobody who wants another.
        type Slot = Arc<Mutex<Option<Arc<Module>>>>;
        static MODULES: OnceLock<Mutex<HashMap<PathBuf, Slot>>> = OnceLock::new();
        let slot = {
            let modules = MODULES.get_or_init(Mutex::default);
            let mut modules = modules.lock().unwrap_or_else(PoisonError::into_inner);
            modules.entry(path.to_owned()).or_default().clone()
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = &*slot {
            return Ok(module.clone());
        }
        let module = Arc::new(Self {
            path: path.to_owned(),
            context: initialise(path)?,
            tokens: Mutex::default(),
        });
        exit::guard();
        *slot = Some(module.clone());
        Ok(module)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn context(&self) -> &Pkcs11 {
        &self.context
    }

    /// The one object that stands for a token in this process.
    pub(crate) fn token(self: &Arc<Self>, identity: &Identity) -> Arc<Token> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens
            .entry(identity.clone())
            .or_insert_with(|| Arc::new(Token::new(self.clone(), identity.clone())));
        token.clone()
    }

    /// An error that names the call, the code and this module.
    pub(crate) fn fault(&self, what: &str, fault: &Cryptoki) -> Error {
        fault::error(&self.path, what, fault)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({})", self.path.display())
    }
}

fn initialise(path: &Path) -> Result<Pkcs11> {
    let context = Pkcs11::new(path).map_err(|fault| {
        let (kind, what) = match fault {
            Cryptoki::LibraryLoading(_) => (ErrorKind::Backend, "cannot be loaded"),
            Cryptoki::MissingSymbol(_) => (ErrorKind::Malformed, "is no PKCS#11 module"),
            _ => (ErrorKind::Backend, "cannot be used"),
        };
        Error::new(kind, format!("the library {} {what}", path.display()))
            .with_source(fault.to_string())
            .with_hint("module-path names the vendor's PKCS#11 library, built for this system")
    })?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => Ok(context),
        Err(Cryptoki::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {
            // Something else in this process uses the module too. It has to have asked for locking as we do.
            tracing::debug!(module = %path.display(), "the module was initialised by something else in this process");
            Ok(context)
        }
        Err(error) => {
            let refused = fault::error(path, "initialising the module", &error);
            Err(match fault::code(&error) {
                Some(RvError::ArgumentsBad) => refused.with_hint(
                    "the module wants arguments of its own (NSS does): register it with p11-kit and use p11-kit-proxy",
                ),
                Some(RvError::CantLock | RvError::NeedToCreateThreads) => {
                    refused.with_hint("the module cannot be used by several threads")
                }
                _ => refused.with_hint("see the module's own documentation and its configuration"),
            })
        }
    }
}
