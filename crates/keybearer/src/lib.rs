//! OAuth access tokens by JWT bearer grant (RFC 7523), from a signing key that lives anywhere: a PEM, PKCS#12 or Java key
//! store file, or a PKCS#11 token. Salesforce is the first and best supported authorization server.
//!
//! [`open`] makes a [`Signer`] of a key URI. Over it stands [`salesforce::Login`] (or, for any other server,
//! [`auth::JwtBearer`]), and over that [`auth::TokenSource`], which keeps the token, renews it ahead of its end and makes
//! one login however many ask:
//!
//! ```
//! use keybearer::{
//!     Algorithm, Bound, Network,
//!     auth::TokenSource,
//!     http::{Client, Request, Response},
//!     salesforce::Login,
//! };
//! use std::{error::Error, time::Duration};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! #     use keybearer_localorg::{App, LocalOrg, User};
//! #     let made = keybearer_soft::PrivateKey::generate(keybearer::KeyType::Rsa { bits: 2048 })?;
//! #     let file = tempfile::NamedTempFile::with_suffix(".pem")?;
//! #     let block = pem::Pem::new("PRIVATE KEY", made.to_pkcs8_der().expose());
//! #     std::fs::write(&file, pem::encode(&block))?;
//! #     let path = file.path().display().to_string();
//! #     let bound = Bound::new(keybearer::open(&path).await?, Algorithm::Rs256)?;
//! #     let certificate = keybearer_x509::SelfSigned::new("CN=job")?.issue(&bound).await?;
//! #     let app = App::new("3MVG9...", vec![certificate]);
//! #     let org = LocalOrg::builder().app(app).user(User::new("job@example.com")).start().await?;
//! #     let answer = versions(&path, &org.url()).await?;
//! #     assert_eq!((answer.status(), org.token_posts()), (200, 1));
//! #     Ok(())
//! # }
//! #
//! /// Which versions of the API an org has. `key` may be "job.pem", "jks:keys.jks?alias=job&password-source=env:PASSWORD" or
//! /// "pkcs11:token=jwt;object=job?module-name=softhsm2&pin-source=env:PIN", `login_url` is https://MyDomain.my.salesforce.com.
//! async fn versions(key: &str, login_url: &str) -> Result<Response, Box<dyn Error>> {
//!     let key = Bound::new(keybearer::open(key).await?, Algorithm::Rs256)?;
//!     let login = Login::at(login_url, key, "3MVG9...", "job@example.com")?;
//!     let tokens = TokenSource::new(login); // one for the whole program: clones share
//!     let client = Client::new(&Network::default(), Duration::from_secs(30));
//!
//!     let mut again = true;
//!     loop {
//!         let token = tokens.token().await?;
//!         let api = token.instance_url().ok_or("no API host")?;
//!         let request = Request::get(&format!("{api}/services/data/"))?
//!             .header("authorization", token.access_token().authorization());
//!         let answer = client.send(request).await?;
//!         if answer.status() != 401 || !again {
//!             return Ok(answer);
//!         }
//!         tokens.invalidate(&token); // the session has ended: one new login, one more try
//!         again = false;
//!     }
//! }
//! ```
//!
//! Nothing is global: keys are opened in an [`OpenContext`] (variables, files, the prompt, time limits, the proxy), the key
//! sources are a [`Registry`] that can take your own, and no crate installs a process-wide cryptography provider.
//!
//! A failure is an [`Error`] of the key or an [`auth::ExchangeError`] of the exchange: both are cheap to clone and say what
//! failed, why, and what to do next (`hint()`).
//!
//! # Features
//!
//! `pem`, `pkcs12`, `jks`, `pkcs11` (the key sources) and `salesforce` are on by default. `vault`
//! opens keys in the Transit engine of HashiCorp Vault and OpenBao, `awskms` those of AWS KMS,
//! `gcpkms` those of Google Cloud KMS, `azurekv` those of Azure Key Vault and Managed HSM; `full` is all
//! that a release has. `aws-lc` makes RSA keys and signs
//! with keys that ring refuses.

mod keystore;
mod process_env;
mod registry;

pub use keybearer_auth as auth;
pub use keybearer_core::*;
pub use keybearer_http as http;
#[cfg(feature = "salesforce")]
pub use keybearer_salesforce as salesforce;
pub use keystore::Keystore;
pub use process_env::ProcessEnv;
pub use registry::{default_registry, open};
