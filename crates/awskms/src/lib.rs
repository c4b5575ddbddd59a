//! AWS KMS keys as keybearer signers.
//!
//! `awskms:alias/jwt?region=eu-central-1` opens an asymmetric key whose usage is `SIGN_VERIFY`, by its key id, its alias or
//! the ARN of either. The key stays in KMS: the message is hashed here and `kms:Sign` signs the digest (Ed25519 alone gets
//! the message). Credentials come from the SDK's default chain (environment, shared files, web identity, ECS, EC2), and
//! nothing here keeps them. TLS is ring's.
//!
//! A program with a configuration of its own hands it over: [`AwsKms::with_config`].

mod client;
mod failure;
mod locator;
mod network;
mod opening;
mod provider;
mod quiet;
mod signer;
mod spec;

pub use provider::AwsKms;
