//! `demo`: the whole flow on an embedded local org.

use std::{path::Path, sync::Arc, time::Duration};

use clap::Args;
use keybearer_auth::{Exchange, JwtBearer};
use keybearer_core::{Algorithm, Bound, Certificate, Error, KeyType, KeyUri, Network};
use keybearer_http::{Client, Request};
use keybearer_localorg::{App, LocalOrg, User};
use keybearer_salesforce::Login;
use keybearer_soft::{PrivateKey, SoftSigner, file};
use keybearer_x509::SelfSigned;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    args::Json,
    context::Context,
    failure::{Failure, Outcome, Status},
};

/// Show the whole flow, from a new key to an API call, on an embedded local org
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,
}

#[derive(Default, Serialize)]
struct Told {
    steps: Vec<Step>,
    token: Map<String, Value>,
}

#[derive(Serialize)]
struct Step {
    name: &'static str,
    detail: String,
}

const CLIENT: &str = "3MVG9.keybearer.demo";
const USER: &str = "integration@demo.example";

pub(crate) async fn run(_arguments: &Arguments, cx: &Context) -> Outcome {
    let mut told = Told::default();
    let folder = tempfile::tempdir()
        .map_err(|error| step_failed("the temporary folder cannot be made", &error))?;
    let path = folder.path().join("login.pem");

    let certificate = make_key(&path).await?;
    tell(
        cx,
        &mut told,
        "key",
        format!("An RSA key and its certificate, in {}", path.display()),
    )?;

    let org = LocalOrg::builder()
        .app(App::new(CLIENT, vec![certificate]))
        .user(User::new(USER))
        .start()
        .await;
    let org = org.map_err(|error| step_failed("the local org cannot be started", &error))?;
    tell(
        cx,
        &mut told,
        "org",
        format!(
            "A Salesforce-like org on {}, with an app that has the certificate",
            org.url()
        ),
    )?;

    let uri = KeyUri::literal("pem", &path.to_string_lossy());
    let key = Bound::new(cx.signer(&uri).await?, Algorithm::Rs256)?;
    let client = Arc::new(Client::new(&Network::default(), Duration::from_secs(30)));
    let grant = JwtBearer::builder(key, client.clone(), org.token_url())
        .issuer(CLIENT)
        .subject(USER)
        .audience(org.url());
    let login = Login::new(grant.build(), true);
    let token = login.exchange().await?;
    let scope = token.scope().unwrap_or_default();
    tell(
        cx,
        &mut told,
        "token",
        format!("An access token for {USER}, scope {scope}"),
    )?;
    told.token = token.fields().clone();

    for (name, at) in [
        ("userinfo", "/services/oauth2/userinfo"),
        ("api", "/services/data/v67.0/limits"),
    ] {
        let base = token.instance_url().unwrap_or_default();
        let request = Request::get(&format!("{base}{at}"))
            .map(|request| request.header("authorization", token.access_token().authorization()));
        let answered = match request {
            Ok(request) => client.send(request).await,
            Err(error) => Err(error),
        };
        let answer =
            answered.map_err(|error| step_failed("the local org does not answer", &error))?;
        if answer.status() != 200 {
            return Err(Failure::new(
                "backend",
                format!("the local org answered with status {}", answer.status()),
                Status::FAILED,
            ));
        }
        tell(
            cx,
            &mut told,
            name,
            format!("GET {at}: {}", String::from_utf8_lossy(answer.body())),
        )?;
    }
    if cx.out.is_json() {
        cx.out.object(&told)?;
    } else {
        let how = "\nWith your own org and key:\n  keybearer token --key pem:KEY.pem --client-id CONSUMER_KEY --username USER \\\n    --login-url https://MyDomain.my.salesforce.com";
        cx.out.line(how)?;
    }
    Ok(Status::DONE)
}

fn tell(cx: &Context, told: &mut Told, name: &'static str, detail: String) -> Result<(), Failure> {
    if !cx.out.is_json() {
        cx.out
            .line(&format!("{}. {name:9} {detail}", told.steps.len() + 1))?;
    }
    told.steps.push(Step { name, detail });
    Ok(())
}

async fn make_key(path: &Path) -> Result<Certificate, Error> {
    let key = PrivateKey::generate(KeyType::Rsa { bits: 2048 })?;
    let signer = SoftSigner::new(&KeyUri::literal("pem", &path.to_string_lossy()), &key, &[])?;
    let bound = Bound::new(Arc::new(signer), Algorithm::Rs256)?;
    let certificate = SelfSigned::new("CN=keybearer demo")?.issue(&bound).await?;
    let pem = keybearer_pem::encode(&key, std::slice::from_ref(&certificate));
    file::write(path, pem.expose(), false)?;
    Ok(certificate)
}

fn step_failed(message: &str, cause: &dyn std::error::Error) -> Failure {
    Failure::new("backend", message, Status::FAILED).with_cause(cause)
}
