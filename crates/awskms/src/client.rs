//! The SDK's client and what it is configured with.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::Client;
use keybearer_core::{KeyUri, OpenContext, Result};

use crate::{locator::Locator, network, quiet::quiet};

/// Tries in all, within the time of the whole call.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where the SDK's default chain looks, in its order.
const CHAIN: &str = "the environment (AWS_ACCESS_KEY_ID), the profile in the shared config and credentials files \
    (AWS_PROFILE), web identity (AWS_WEB_IDENTITY_TOKEN_FILE), the container's address (ECS, EKS), the instance's metadata (EC2)";

/// A client and who calls by it.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// Where credentials are looked for, in words.
    pub(crate) sources: String,
}

/// What the caller's program configured, or else the SDK's defaults, with what the URI says on top.
pub(crate) async fn caller(
    given: Option<&SdkConfig>,
    uri: &KeyUri,
    locator: &Locator,
    cx: &OpenContext,
) -> Result<Caller> {
    let region = locator.region.as_deref().or(uri.attribute("region"));
    let region = region.map(|name| Region::new(name.to_owned()));
    let endpoint = endpoint(uri)?;
    let (config, sources) = match given {
        Some(given) => (
            of_program(given, cx).await?,
            "what this program configures for AWS".to_owned(),
        ),
        None => (
            of_environment(uri, region.clone(), cx).await?,
            match uri.attribute("profile") {
                Some(name) => {
                    format!("the profile {name} in the shared config and credentials files")
                }
                None => CHAIN.to_owned(),
            },
        ),
    };
    if region.is_none() && config.region().is_none() {
        return Err(uri.invalid("no AWS region is known").with_hint(
            "give region=REGION, the key's ARN, AWS_REGION, or a region in the profile",
        ));
    }
    let mut kms = aws_sdk_kms::config::Builder::from(&config)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(TRIES)
                .with_initial_backoff(FIRST_PAUSE)
                .with_max_backoff(LONGEST_PAUSE),
        )
        .timeout_config(timeouts(cx));
    if config.behavior_version().is_none() {
        // Without one the SDK panics.
        kms = kms.behavior_version(behavior());
    }
    kms.set_region(region.or_else(|| config.region().cloned()));
    if let Some(endpoint) = endpoint {
        kms = kms.endpoint_url(endpoint);
    }
    let client = Client::from_conf(kms.build());
    Ok(Caller { client, sources })
}

async fn of_program(given: &SdkConfig, cx: &OpenContext) -> Result<SdkConfig> {
    if given.http_client().is_some() {
        return Ok(given.clone());
    }
    let http = network::http(cx).await?;
    Ok(given.to_builder().http_client(http).build())
}

async fn of_environment(
    uri: &KeyUri,
    region: Option<Region>,
    cx: &OpenContext,
) -> Result<SdkConfig> {
    let http = network::http(cx).await?;
    let mut loader = aws_config::defaults(behavior())
        .http_client(http.clone())
        .timeout_config(timeouts(cx));
    // Said before the credentials are looked for, since they may come from a service of the region.
    if let Some(region) = region {
        loader = loader.region(region);
    }
    let Some(profile) = uri.attribute("profile") else {
        return Ok(quiet(loader.load()).await);
    };
    let config = quiet(loader.profile_name(profile).load()).await;
    // The chain would take the environment's credentials before those of the profile that was asked for.
    let within = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_http_client(http);
    let credentials = ProfileFileCredentialsProvider::builder()
        .configure(&within)
        .profile_name(profile)
        .build();
    let credentials = SharedCredentialsProvider::new(credentials);
    Ok(config
        .to_builder()
        .credentials_provider(credentials)
        .build())
}

/// The SDK's ways as of this date: a newer SDK changes nothing here by itself.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// An attempt gets a part of the time: a connection that has died unseen is given up while there is time for another.
fn timeouts(cx: &OpenContext) -> TimeoutConfig {
    let connect = cx.network.connect_timeout.unwrap_or(cx.timeout);
    TimeoutConfig::builder()
        .operation_timeout(cx.timeout)
        .operation_attempt_timeout(cx.timeout / 3)
        .connect_timeout(connect)
        .build()
}

/// Only a URL with a host goes on: the SDK tells what it cannot use at the first call, in words of its own.
fn endpoint(uri: &KeyUri) -> Result<Option<&str>> {
    let Some(endpoint) = uri.attribute("endpoint") else {
        return Ok(None);
    };
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| endpoint.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['@', ' ']) => Ok(Some(endpoint)),
        _ => Err(uri
            .invalid("endpoint is not an http:// or https:// URL")
            .with_hint("write endpoint=https://HOST")),
    }
}

#[cfg(test)]
mod tests {
    use keybearer_conformance::TestEnv;

    use super::*;

    #[test]
    fn an_endpoint_is_a_url() {
        let of = |text: &str| {
            let uri = KeyUri::literal("awskms", "alias/a").with_attribute("endpoint", text);
            super::endpoint(&uri).map(|it| it.map(str::to_owned))
        };
        assert!(of("http://127.0.0.1:4566").is_ok());
        for endpoint in ["", "localhost", "https://", "ftp://a", "https://user@host"] {
            assert!(of(endpoint).is_err(), "{endpoint}");
        }
    }

    #[tokio::test]
    async fn a_program_may_leave_everything_out_but_the_region() {
        let uri = KeyUri::literal("awskms", "alias/a");
        let locator = Locator::read(&uri).unwrap();
        let cx = TestEnv::new().context();
        let bare = SdkConfig::builder().build();
        let error = caller(Some(&bare), &uri, &locator, &cx).await.unwrap_err();
        assert!(error.hint().unwrap().contains("region="), "{error:?}");
        let uri = uri.with_attribute("region", "eu-central-1");
        assert!(caller(Some(&bare), &uri, &locator, &cx).await.is_ok());
    }
}
