//! A token: how it is found, and its login, which belongs to the whole process and not to a session.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

use cryptoki::{
    error::RvError,
    session::{Session, SessionState, UserType},
    slot::{Slot, TokenInfo},
    types::RawAuthPin,
};
use keybearer_core::{Error, ErrorKind, Result, Secret};

use crate::{failure::Failure, fault, locator::Locator, module::Module, pool::Pool};

/// What tells tokens apart, wherever they are plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) label: String,
    pub(crate) manufacturer: String,
    pub(crate) model: String,
    pub(crate) serial: String,
}

/// A token, as all its sessions in this process share it.
pub(crate) struct Token {
    module: Arc<Module>,
    identity: Identity,
    account: Mutex<Account>,
    pool: Mutex<Weak<Pool>>,
}

/// Who is logged in, as far as this process knows.
#[derive(Default)]
struct Account {
    /// The PIN of the login that holds.
    accepted: Option<Secret>,
    /// PINs that the token has refused. Each wrong try brings it nearer to being locked, so none is spent twice.
    refused: Vec<Secret>,
}

impl Token {
    pub(crate) fn new(module: Arc<Module>, identity: Identity) -> Self {
        Self {
            module,
            identity,
            account: Mutex::default(),
            pool: Mutex::default(),
        }
    }

    /// The one token that the locator describes.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`]; the hint lists the tokens that are there.
    pub(crate) fn find(module: &Arc<Module>, locator: &Locator) -> Result<Arc<Self>> {
        library_matches(module, locator)?;
        let is_it = |(slot, identity): &(Slot, Identity)| matches(module, locator, *slot, identity);
        let there = patiently(module, is_it).map_err(Failure::into_error)?;
        let matching: Vec<_> = there.iter().filter(|one| is_it(one)).collect();
        let list = |tokens: &[&(Slot, Identity)]| {
            let tokens = tokens.iter().map(|(_, identity)| identity.to_string());
            tokens.collect::<Vec<_>>().join(", ")
        };
        match matching.as_slice() {
            [(_, only)] => Ok(module.token(only)),
            [] => {
                let hint = match there.iter().collect::<Vec<_>>().as_slice() {
                    [] => "the module has no initialised token: see its configuration, and whether the device is plugged in".into(),
                    some => format!("the tokens are {}", list(some)),
                };
                Err(Error::new(
                    ErrorKind::NotFound,
                    format!("{} has no such token", module.path().display()),
                )
                .with_hint(hint))
            }
            several => Err(Error::new(
                ErrorKind::Ambiguous,
                format!("{} tokens match", several.len()),
            )
            .with_hint(format!("name one by token= or serial=: {}", list(several)))),
        }
    }

    pub(crate) fn module(&self) -> &Arc<Module> {
        &self.module
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The sessions that everybody in this process shares; they end with the last who holds them.
    pub(crate) fn pool(self: &Arc<Self>) -> Result<Arc<Pool>> {
        let mut shared = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = shared.upgrade() {
            return Ok(pool);
        }
        let pool = Arc::new(Pool::new(self.clone())?);
        *shared = Arc::downgrade(&pool);
        Ok(pool)
    }

    /// The slot where the token is now.
    pub(crate) fn slot(&self) -> Result<Slot, Failure> {
        let is_it = |(_, identity): &(Slot, Identity)| *identity == self.identity;
        let there = patiently(&self.module, is_it)?;
        let found = there.into_iter().find(is_it);
        found.map(|(slot, _)| slot).ok_or_else(|| {
            let gone = Error::new(
                ErrorKind::Unavailable,
                format!("the token {} is not there any more", self.identity),
            );
            Failure::Own(gone.with_hint("plug it in again, or see whether its service runs"))
        })
    }

    pub(crate) fn info(&self, slot: Slot) -> Result<TokenInfo, Failure> {
        let info = self.module.context().get_token_info(slot);
        info.map_err(|fault| Failure::of(&self.module, "asking about the token", &fault))
    }

    /// Opens a session. Nobody logs in or out meanwhile.
    pub(crate) fn open_session(&self, slot: Slot) -> Result<Session, Failure> {
        let _account = self.account();
        let session = self.module.context().open_ro_session(slot);
        session.map_err(|fault| Failure::of(&self.module, "opening a session", &fault))
    }

    /// Closes a session. The token logs out with the last one.
    pub(crate) fn close_session(&self, session: Session) {
        let _account = self.account();
        drop(session);
    }

    /// Sees to it that the session may use private keys: logs in, once for the whole process.
    pub(crate) fn log_in(&self, slot: Slot, session: &Session, pin: &Pin) -> Result<(), Failure> {
        if matches!(pin, Pin::None) {
            return Ok(());
        }
        let mut account = self.account();
        let info = session.get_session_info();
        let info =
            info.map_err(|fault| Failure::of(&self.module, "asking about the session", &fault))?;
        let is_in = matches!(
            info.session_state(),
            SessionState::RoUser | SessionState::RwUser
        );
        match pin {
            Pin::OnTheDevice if is_in => return Ok(()),
            Pin::Given(pin) if is_in => return account.compare(&self.identity, pin),
            _ => account.accepted = None,
        }
        if let Pin::Given(pin) = pin {
            account.expect_untried(&self.identity, pin)?;
        }
        self.expect_unlocked(slot)?;
        let answer = match pin {
            Pin::Given(pin) => {
                let pin = RawAuthPin::new(Box::new(pin.expose().to_vec()));
                session.login_with_raw(UserType::User, &pin)
            }
            _ => session.login(UserType::User, None),
        };
        match answer.as_ref().map_err(fault::code) {
            Ok(()) => {
                account.accepted = pin.given().cloned();
                tracing::debug!(token = %self.identity, "logged in");
                Ok(())
            }
            // Something else in this process was faster; which PIN it had is not ours to know.
            Err(Some(RvError::UserAlreadyLoggedIn)) => Ok(()),
            Err(Some(RvError::PinIncorrect)) => {
                account.refused.extend(pin.given().cloned());
                Err(self.wrong_pin(slot))
            }
            Err(_) => answer.map_err(|fault| Failure::of(&self.module, "the login", &fault)),
        }
    }

    /// Whether this PIN may be given again where a key wants it at each signature.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] where the token has refused it.
    pub(crate) fn expect_untried(&self, pin: &Pin) -> Result<(), Failure> {
        let given = pin.given();
        given.map_or(Ok(()), |pin| {
            self.account().expect_untried(&self.identity, pin)
        })
    }

    /// What it means that the token has refused a PIN that let us in before: it was changed. The session is in the middle
    /// of a signature then, and not used again.
    pub(crate) fn refused(&self, slot: Slot, pin: &Pin) -> Failure {
        self.account().refused.extend(pin.given().cloned());
        Failure::Module {
            error: self.wrong_pin(slot).into_error(),
            stale: false,
        }
    }

    /// A lock is told before a try is made that cannot succeed.
    fn expect_unlocked(&self, slot: Slot) -> Result<(), Failure> {
        let info = self.info(slot)?;
        if info.user_pin_final_try() {
            tracing::warn!(token = %self.identity, "the next wrong PIN locks the token");
        }
        if !info.user_pin_locked() {
            return Ok(());
        }
        let locked = Error::new(
            ErrorKind::PermissionDenied,
            format!("the user PIN of the token {} is locked", self.identity),
        );
        Err(Failure::Own(locked.with_hint(
            "too many wrong PINs were tried: the security officer of the token has to set a new one",
        )))
    }

    fn wrong_pin(&self, slot: Slot) -> Failure {
        let left = match self.info(slot) {
            Ok(info) if info.user_pin_locked() => {
                "; the token is locked now, and its security officer has to set a new PIN"
            }
            Ok(info) if info.user_pin_final_try() => "; one more wrong PIN locks the token",
            _ => "",
        };
        let wrong = Error::new(
            ErrorKind::BadSecret,
            format!("the PIN of the token {} is wrong", self.identity),
        );
        Failure::Own(
            wrong
                .with_source(format!(
                    "C_Login of {} answered CKR_PIN_INCORRECT",
                    self.module.path().display()
                ))
                .with_hint(format!(
                    "check the PIN: it was tried once, and this process does not try it again{left}"
                )),
        )
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// A module takes any PIN from who is logged in already, so it is compared here.
    fn compare(&self, identity: &Identity, pin: &Secret) -> Result<(), Failure> {
        if self
            .accepted
            .as_ref()
            .is_none_or(|accepted| accepted == pin)
        {
            return Ok(());
        }
        let wrong = Error::new(
            ErrorKind::BadSecret,
            format!(
                "the PIN is not the one with which this process is logged in to the token {identity}"
            ),
        );
        Err(Failure::Own(wrong.with_hint(
            "check the PIN: it was not tried; where the token's PIN was changed, start the program anew",
        )))
    }

    fn expect_untried(&self, identity: &Identity, pin: &Secret) -> Result<(), Failure> {
        if !self.refused.contains(pin) {
            return Ok(());
        }
        let wrong = Error::new(
            ErrorKind::BadSecret,
            format!("the PIN of the token {identity} is wrong: it was refused before"),
        );
        Err(Failure::Own(wrong.with_hint(
            "check the PIN: this process does not try it again, since wrong tries lock the token",
        )))
    }
}

/// How to log in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Pin {
    /// Not at all: the token lets everybody use the key.
    None,
    /// With this PIN.
    Given(Secret),
    /// By the token's own keypad.
    OnTheDevice,
}

impl Pin {
    pub(crate) fn given(&self) -> Option<&Secret> {
        match self {
            Self::Given(pin) => Some(pin),
            _ => None,
        }
    }
}

/// The tokens that are there, asked for again for a moment where the one that is wanted is not among them: SoftHSM2 does
/// not see a token while another process writes to it, and a device takes a moment to wake up.
fn patiently(
    module: &Module,
    is_wanted: impl Fn(&(Slot, Identity)) -> bool,
) -> Result<Vec<(Slot, Identity)>, Failure> {
    const PAUSE: Duration = Duration::from_millis(10);
    const TRIES: usize = 30;
    for _ in 1..TRIES {
        if let Ok(there) = present(module)
            && there.iter().any(&is_wanted)
        {
            return Ok(there);
        }
        thread::sleep(PAUSE);
    }
    present(module)
}

/// All initialised tokens that the module sees now.
fn present(module: &Module) -> Result<Vec<(Slot, Identity)>, Failure> {
    let slots = module.context().get_slots_with_token();
    let slots = slots.map_err(|fault| Failure::of(module, "listing the slots", &fault))?;
    let mut tokens = Vec::new();
    for slot in slots {
        // A token that is pulled out meanwhile, or that is broken, does not keep us from the others.
        match module.context().get_token_info(slot) {
            Ok(info) if info.token_initialized() => tokens.push((slot, Identity::of(&info))),
            Ok(_) => {}
            Err(fault) => tracing::debug!(slot = slot.id(), %fault, "a token is passed over"),
        }
    }
    Ok(tokens)
}

fn matches(module: &Module, locator: &Locator, slot: Slot, identity: &Identity) -> bool {
    let is = |wanted: &Option<String>, found: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.trim_end() == found)
    };
    let in_slot = || {
        if locator.slot_description.is_none() && locator.slot_manufacturer.is_none() {
            return true;
        }
        module.context().get_slot_info(slot).is_ok_and(|info| {
            is(&locator.slot_description, info.slot_description())
                && is(&locator.slot_manufacturer, info.manufacturer_id())
        })
    };
    is(&locator.token, &identity.label)
        && is(&locator.manufacturer, &identity.manufacturer)
        && is(&locator.serial, &identity.serial)
        && is(&locator.model, &identity.model)
        && locator.slot_id.is_none_or(|id| id == slot.id())
        && in_slot()
}

/// What the URI says of the library itself.
fn library_matches(module: &Module, locator: &Locator) -> Result<()> {
    let wanted = [
        ("library-description", &locator.library_description),
        ("library-manufacturer", &locator.library_manufacturer),
        ("library-version", &locator.library_version),
    ];
    if wanted.iter().all(|(_, wanted)| wanted.is_none()) {
        return Ok(());
    }
    let info = module.context().get_library_info();
    let info = info.map_err(|fault| module.fault("asking about the module", &fault))?;
    let version = info.library_version();
    let found = [
        info.library_description().to_owned(),
        info.manufacturer_id().to_owned(),
        format!("{}.{}", version.major(), version.minor()),
    ];
    for ((name, wanted), found) in wanted.into_iter().zip(found) {
        if wanted
            .as_ref()
            .is_some_and(|wanted| wanted.trim_end() != found)
        {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "{} has the {name} \"{}\"",
                    module.path().display(),
                    found.escape_debug()
                ),
            )
            .with_hint(format!("write so, or leave {name} out")));
        }
    }
    Ok(())
}

impl Identity {
    fn of(info: &TokenInfo) -> Self {
        Self {
            label: info.label().into(),
            manufacturer: info.manufacturer_id().into(),
            model: info.model().into(),
            serial: info.serial_number().into(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" (serial {}, {})",
            self.label.escape_debug(),
            self.serial.escape_debug(),
            self.model.escape_debug()
        )
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} in {:?})", self.identity, self.module)
    }
}
