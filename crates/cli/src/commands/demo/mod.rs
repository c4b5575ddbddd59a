//! `demo`: the whole flow on an embedded local org.

mod story;

use std::{path::Path, sync::Arc, time::Duration};

use clap::Args;
use keybearer_auth::{JwtBearer, Token};
use keybearer_core::{
    Algorithm, Bound, Certificate, Error, ErrorKind, KeySpec, KeyType, KeyUri, Network, Signer,
};
use keybearer_http::{Client, Request};
use keybearer_localorg::{App, LocalOrg, User};
use keybearer_salesforce::Login;
use keybearer_x509::{CertificateInfo, SelfSigned};
use serde_json::Value;

use crate::{
    args::Json,
    commands::key::SelfSign,
    context::Context,
    failure::{Failure, Outcome, Status},
    progress,
    text::rfc3339,
};
use story::{Step, Story};

/// Show the whole flow, from a new key to an API call, on an embedded local org
///
/// Nothing is needed for it, and nothing is left of it. Each step is told with the command that does it for real.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,
}

const CLIENT: &str = "3MVG9.keybearer.demo";
const USER: &str = "integration@demo.example";
/// It guards a file that ends with the demo.
const PASSWORD: &str = "changeit";
const LIMITS: &str = "/services/data/v60.0/limits";

pub(crate) async fn run(_arguments: &Arguments, cx: &Context) -> Outcome {
    let mut story = Story::new(cx.out);
    let folder = tempfile::tempdir()
        .map_err(|error| failed("the temporary folder cannot be made", &error))?;
    let key = key(folder.path(), &mut story, cx).await?;
    let certificate = certificate(&key, &mut story).await?;
    let org = org(certificate, &mut story).await?;
    let client = Arc::new(Client::new(&Network::default(), Duration::from_secs(30)));
    let token = token(key, &org, &client, &mut story).await?;
    calls(&token, &client, &mut story).await?;
    story.token(token.fields());
    story.end()?;
    Ok(Status::DONE)
}

async fn key(folder: &Path, story: &mut Story, cx: &Context) -> Result<Arc<dyn Signer>, Failure> {
    let path = folder.join("keys.jks");
    let uri = KeyUri::literal("jks", &path.to_string_lossy())
        .with_attribute("alias", "demo")
        .with_attribute("password-value", PASSWORD);
    let maker = cx.registry.provider(&uri)?.key_maker().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "no keys are made in jks:").with_key(&uri)
    })?;
    let certify = SelfSign(SelfSigned::new("CN=keybearer demo")?);
    let spec = KeySpec::new(KeyType::Rsa { bits: 2048 });
    let signer = {
        let _shown = progress::show(cx.out, "making the key");
        maker.make(&uri, &spec, &certify, &cx.open).await?
    };
    story.tell(Step {
        name: "key",
        title: "A key, in a Java key store",
        detail: format!("RSA, 2048 bits, alias \"demo\", in {}", path.display()),
        command: "keybearer key new jks:keys.jks --alias demo\n--password-source prompt: --subject \"CN=keybearer demo\"".into(),
    })?;
    Ok(signer)
}

async fn certificate(key: &Arc<dyn Signer>, story: &mut Story) -> Result<Certificate, Failure> {
    let mut chain = key.certificate_chain().await?.into_iter();
    let leaf = chain.next().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "the key has no certificate").with_key(key.id())
    })?;
    let info = CertificateInfo::read(&leaf)?;
    story.tell(Step {
        name: "certificate",
        title: "Its certificate, which an administrator uploads to the app",
        detail: format!(
            "{}, signed by itself, valid until {}",
            info.subject,
            rfc3339(info.not_after)
        ),
        command:
            "keybearer cert export keys.jks --alias demo\n--password-source prompt: > demo.crt"
                .into(),
    })?;
    Ok(leaf)
}

async fn org(certificate: Certificate, story: &mut Story) -> Result<LocalOrg, Failure> {
    let org = LocalOrg::builder()
        .app(App::new(CLIENT, vec![certificate]))
        .user(User::new(USER))
        .start()
        .await
        .map_err(|error| failed("the local org cannot be started", &error))?;
    story.tell(Step {
        name: "org",
        title: "A Salesforce-like org on this machine, with an app that has it",
        detail: format!("{}, app {CLIENT}, user {USER}", org.url()),
        command: format!("keybearer org serve --app {CLIENT}=demo.crt\n--user {USER}"),
    })?;
    Ok(org)
}

async fn token(
    key: Arc<dyn Signer>,
    org: &LocalOrg,
    client: &Arc<Client>,
    story: &mut Story,
) -> Result<Token, Failure> {
    let key = Bound::new(key, Algorithm::Rs256)?;
    let grant = JwtBearer::builder(key, client.clone(), org.token_url())
        .issuer(CLIENT)
        .subject(USER)
        .audience(org.url());
    let token = Login::new(grant.build(), true).exchange_dated().await.0?;
    story.tell(Step {
        name: "token",
        title: "An assertion, signed by the key, exchanged for an access token",
        detail: format!("a token for {USER}, scope {}", token.scope().unwrap_or_default()),
        command: format!(
            "keybearer token --key keys.jks --alias demo\n--password-source prompt: --client-id {CLIENT}\n--username {USER} --login-url {}",
            org.url()
        ),
    })?;
    Ok(token)
}

async fn calls(token: &Token, client: &Client, story: &mut Story) -> Result<(), Failure> {
    let base = token.instance_url().unwrap_or_default();
    let text = |answer: &Value, name: &str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let who = get(client, token, &format!("{base}/services/oauth2/userinfo")).await?;
    story.tell(Step {
        name: "userinfo",
        title: "Who the token is for",
        detail: format!(
            "{}, user {}, org {}",
            text(&who, "preferred_username"),
            text(&who, "user_id"),
            text(&who, "organization_id")
        ),
        command: "keybearer check ...".into(),
    })?;
    let limits = get(client, token, &format!("{base}{LIMITS}")).await?;
    let requests = |name: &str| {
        limits["DailyApiRequests"][name]
            .as_u64()
            .unwrap_or_default()
    };
    story.tell(Step {
        name: "api",
        title: "A call of the API with it",
        detail: format!(
            "GET {LIMITS}: {} of {} requests are left today",
            requests("Remaining"),
            requests("Max")
        ),
        command: format!("keybearer token ... --format curl |\ncurl --config - {base}{LIMITS}"),
    })
}

async fn get(client: &Client, token: &Token, url: &str) -> Result<Value, Failure> {
    let request = Request::get(url)?.header("authorization", token.access_token().authorization());
    let answer = client.send(request).await?;
    let status = answer.status();
    let json = serde_json::from_slice(answer.body()).ok();
    json.filter(|_| status == 200).ok_or_else(|| {
        let message = format!("the local org answered {url} with status {status}");
        Failure::new("backend", message, Status::FAILED)
    })
}

fn failed(message: &str, cause: &dyn std::error::Error) -> Failure {
    Failure::new("backend", message, Status::FAILED).with_cause(cause)
}
