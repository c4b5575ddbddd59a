//! The options that commands share.
//!
//! Each long option can also stand in the environment and in a profile: [`layers`](crate::layers) gives both to the
//! parser. So no option is declared as required, and none as excluding another: what an option needs is checked where
//! it is used, with an error that names all three places.

use clap::{Args, Parser};
use keybearer_core::{Algorithm, KeyUri};

use crate::{
    commands::Command, failure::Failure, layers::Origins, logging::LogFormat, output::Color,
};

/// The key stays where it is; the token comes to you.
///
/// keybearer signs OAuth 2.0 JWT bearer assertions with a key in a JKS, PKCS#12 or PEM file, in a PKCS#11 HSM or in a key
/// service (Vault, AWS KMS, Google Cloud KMS, Azure Key Vault), and exchanges them for access tokens.
#[derive(Debug, Parser)]
#[command(
    name = "keybearer",
    bin_name = "keybearer",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = false,
    after_help = "Each option can also stand in the environment (KEYBEARER_KEY for --key) or in a profile of \
        keybearer.toml; --show-config tells what is in force.\n\n\
        Exit status: 0 done, 1 the key or certificate could not be used, 2 usage or configuration, 3 the server \
        refused, 4 another try is worth it, 130 interrupted, 143 terminated"
)]
pub(crate) struct Cli {
    /// Print one JSON object, for commands that have one
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of all commands.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: Color,

    /// Tell more on stderr (-vv: yet more), never a secret
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// How -v writes its lines
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub(crate) log_format: LogFormat,

    /// The configuration file [default: keybearer.toml here, then in the user's configuration folder]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<std::path::PathBuf>,

    /// The profile of the configuration file [default: its default-profile]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Print what is in force and where each value comes from, secrets as ***, and do nothing else
    #[arg(long, global = true)]
    pub(crate) show_config: bool,
}

/// `--json`, for the commands that have a JSON form. It is read from the parser's matches: [`Output::is_json`] tells.
///
/// [`Output::is_json`]: crate::output::Output::is_json
#[derive(Args, Debug)]
pub(crate) struct Json {
    /// Print one JSON object
    #[arg(long, help_heading = None)]
    json: bool,
}

/// The key as an option.
#[derive(Args, Debug)]
#[command(next_help_heading = "The key")]
pub(crate) struct KeyOption {
    /// The key: a key URI (jks:/etc/keys/a.jks?alias=b&password-source=env:P) or the path of a key file
    #[arg(long, visible_alias = "keystore", value_name = "URI|PATH")]
    key: Option<String>,

    #[command(flatten)]
    companions: Companions,
}

/// The key as the command's argument.
#[derive(Args, Debug)]
#[command(next_help_heading = "The key")]
pub(crate) struct KeyArgument {
    /// The key: a key URI (jks:/etc/keys/a.jks?alias=b&password-source=env:P) or the path of a key file
    #[arg(value_name = "URI|PATH")]
    key: Option<String>,

    #[command(flatten)]
    companions: Companions,
}

/// The key URI's attributes by other names, for people whose shell eats `?` and `&`.
#[derive(Args, Debug)]
struct Companions {
    /// The entry of the store
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,

    /// Where the password is read from: env:NAME, file:PATH, fd:N or prompt:
    #[arg(long, value_name = "SOURCE")]
    password_source: Option<String>,

    /// Where the password of the entry itself is read from [default: the store's password]
    #[arg(long, value_name = "SOURCE")]
    key_password_source: Option<String>,
}

/// `--alg`.
#[derive(Args, Debug)]
#[command(next_help_heading = "The key")]
pub(crate) struct AlgorithmOption {
    /// The signature algorithm: RS256, PS256, ES256, Ed25519, ... [default: RS256 for a token, else the key's first]
    #[arg(long, value_name = "NAME")]
    alg: Option<String>,
}

impl KeyOption {
    /// The key URI that the options make.
    ///
    /// # Errors
    /// A usage error where there is no key or where its attributes stand in both forms; `invalid_uri` where it is none.
    pub(crate) fn uri(&self, origins: &Origins) -> Result<KeyUri, Failure> {
        self.companions
            .complete(self.key.as_deref(), "--key URI", origins)
    }
}

impl KeyArgument {
    /// As [`KeyOption::uri`].
    pub(crate) fn uri(&self, origins: &Origins) -> Result<KeyUri, Failure> {
        self.companions.complete(
            self.key.as_deref(),
            "its URI or path as the argument",
            origins,
        )
    }
}

impl AlgorithmOption {
    /// The algorithm, where one was named.
    pub(crate) fn algorithm(&self) -> Result<Option<Algorithm>, Failure> {
        let parse = |name: &String| {
            name.parse().map_err(|error: keybearer_core::Error| {
                Failure::usage(error.to_string()).with_hint(error.hint().unwrap_or_default())
            })
        };
        self.alg.as_ref().map(parse).transpose()
    }
}

impl Companions {
    fn complete(&self, key: Option<&str>, how: &str, origins: &Origins) -> Result<KeyUri, Failure> {
        let key = key.ok_or_else(|| {
            Failure::usage("no key is given").with_hint(format!(
                "give {how}, or set KEYBEARER_KEY, or key in a profile of keybearer.toml"
            ))
        })?;
        let uri: KeyUri = key.parse()?;
        let has_attributes = uri.attribute_names().next().is_some();
        let given = [
            ("alias", &self.alias),
            ("password-source", &self.password_source),
            ("key-password-source", &self.key_password_source),
        ];
        let mut complete = uri.clone();
        for (name, value) in given {
            let Some(value) = value else { continue };
            // What stands further away than the key itself belongs to the key that stands there.
            let yields = origins.layer(name) < origins.layer("key");
            if yields && (has_attributes || !takes(&uri, name)) {
                continue;
            }
            if has_attributes {
                return Err(Failure::usage(format!(
                    "the key URI has attributes of its own, and --{name} is given too"
                ))
                .with_key(&uri)
                .with_hint(format!(
                    "write {name}=... into the URI, or give the path alone with --{name}"
                )));
            }
            complete = complete.with_attribute(name, value);
        }
        Ok(complete)
    }
}

/// Whether a key of this scheme can have the companion.
fn takes(uri: &KeyUri, companion: &str) -> bool {
    match uri.scheme() {
        "keystore" | "jks" => true,
        "pkcs12" => companion != "key-password-source",
        "pem" => companion == "password-source",
        _ => false,
    }
}
