//! Who is known to the org: apps and users.

use std::{fmt, str::FromStr, time::Duration};

use keybearer_core::{Certificate, Secret};

use crate::assertion::verification_key;

/// An app of the org: whoever holds the key of one of its certificates is the app.
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) client_id: String,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) policy: Option<Policy>,
    pub(crate) users: Option<Vec<String>>,
    pub(crate) token_format: TokenFormat,
    pub(crate) session: Duration,
    pub(crate) reuse_session: bool,
    pub(crate) secret: Option<Secret>,
}

/// A user of the org.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) login_limit: u32,
}

/// Who may use an app ("Permitted Users" at Salesforce).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Users whom an administrator has pre-authorized; anyone else is refused with `invalid_app_access`.
    #[default]
    AdminApproved,
    /// Users who have approved the app before; anyone else is refused with `invalid_grant`.
    SelfAuthorize,
}

/// What an app's access tokens look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenFormat {
    /// The org's id, an exclamation mark and random characters.
    #[default]
    Opaque,
    /// A JWT that the org signs with RS256; its key is at `/id/keys`.
    Jwt,
}

impl App {
    /// How long a session lasts unless told: the default of an org.
    pub const SESSION: Duration = Duration::from_secs(7200);

    /// What Salesforce takes at most, in bytes.
    const LARGEST_CERTIFICATE: usize = 4096;

    /// An app that every user may use.
    pub fn new(client_id: impl Into<String>, certificates: Vec<Certificate>) -> Self {
        Self {
            client_id: client_id.into(),
            certificates,
            policy: None,
            users: None,
            token_format: TokenFormat::default(),
            session: Self::SESSION,
            reuse_session: true,
            secret: None,
        }
    }

    /// Who may use it; unless told, what the [`Builder`](crate::Builder) says.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Leaves it to these users alone: they are pre-authorized, or have approved it, as its policy wants.
    #[must_use]
    pub fn users<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.users = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What its access tokens look like.
    #[must_use]
    pub fn token_format(mut self, format: TokenFormat) -> Self {
        self.token_format = format;
        self
    }

    /// How long a session lasts. Each use of an opaque token begins the time anew; a JWT's end is fixed.
    #[must_use]
    pub fn session(mut self, lifetime: Duration) -> Self {
        self.session = lifetime;
        self
    }

    /// Whether a grant within a live session returns that session's token, as Salesforce may; it does unless told.
    #[must_use]
    pub fn reuse_session(mut self, reuse: bool) -> Self {
        self.reuse_session = reuse;
        self
    }

    /// Its consumer secret, with which it may introspect its tokens. An app without one is refused when it sends one.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Its consumer key.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Its certificates.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Why Salesforce would not take a certificate of the app, or could not verify with it.
    pub fn complaints(&self) -> Vec<String> {
        let of = |certificate: &Certificate| {
            let size = certificate.as_der().len();
            let is_large = size > Self::LARGEST_CERTIFICATE;
            let large = is_large.then(|| format!("it has {size} bytes, more than 4 KB"));
            verification_key(certificate).err().into_iter().chain(large)
        };
        self.certificates.iter().flat_map(of).collect()
    }

    pub(crate) fn allows(&self, user: &User) -> bool {
        let is_same = |name: &String| name.eq_ignore_ascii_case(&user.name);
        self.users
            .as_ref()
            .is_none_or(|users| users.iter().any(is_same))
    }
}

impl User {
    /// Logins within an hour, unless told: Salesforce's limit.
    pub const LOGIN_LIMIT: u32 = 3600;

    /// An active user.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            active: true,
            login_limit: Self::LOGIN_LIMIT,
        }
    }

    /// This user, deactivated.
    #[must_use]
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }

    /// How many logins there may be within an hour; one more is refused with `login rate exceeded`.
    #[must_use]
    pub fn login_limit(mut self, logins: u32) -> Self {
        self.login_limit = logins;
        self
    }

    /// The user name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminApproved => "admin-approved",
            Self::SelfAuthorize => "self-authorize",
        })
    }
}

impl FromStr for Policy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "admin-approved" => Ok(Self::AdminApproved),
            "self-authorize" => Ok(Self::SelfAuthorize),
            _ => Err("a policy is admin-approved or self-authorize"),
        }
    }
}

impl FromStr for TokenFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "opaque" => Ok(Self::Opaque),
            "jwt" => Ok(Self::Jwt),
            _ => Err("a token format is opaque or jwt"),
        }
    }
}
