//! `token`: an access token.

use clap::{Args, ValueEnum};
use keybearer_auth::{Exchange, Token};
use serde_json::Value;

use crate::{
    args::Json,
    connection::Connection,
    context::Context,
    failure::{Failure, Outcome, Status},
    layers::Layer,
    text::rfc3339,
};

/// Get an access token
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,

    /// How the token is printed [default: the token alone]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    #[command(flatten)]
    json: Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Authorization: Bearer ...
    Header,
    /// export SF_ACCESS_TOKEN=..., SF_INSTANCE_URL, SF_ORG_INSTANCE_URL
    Env,
    /// A configuration for curl --config
    Curl,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    // One that stands in a profile yields.
    if cx.out.is_json() && cx.origins.layer("format") == Layer::Flag {
        return Err(
            Failure::usage("--format and --json are two answers to one question")
                .with_hint("leave one of them out"),
        );
    }
    let login = arguments.connection.login(cx).await?;
    let token = login.exchange().await?;
    if cx.out.is_json() {
        let mut fields = token.fields().clone();
        fields.insert(
            "obtained_at".into(),
            Value::from(rfc3339(token.obtained_at())),
        );
        cx.out.object(&fields)?;
    } else {
        cx.out.bytes(print(&token, arguments.format).as_bytes())?;
    }
    Ok(Status::DONE)
}

fn print(token: &Token, format: Option<Format>) -> String {
    let access = token.access_token().expose();
    match format {
        None => format!("{access}\n"),
        Some(Format::Header) => format!("Authorization: Bearer {access}\n"),
        Some(Format::Curl) => format!(
            "header = \"Authorization: Bearer {}\"\n",
            access.replace('\\', "\\\\").replace('"', "\\\"")
        ),
        Some(Format::Env) => {
            let instance = token.instance_url();
            let variables = [
                ("SF_ACCESS_TOKEN", Some(access)),
                ("SF_INSTANCE_URL", instance),
                ("SF_ORG_INSTANCE_URL", instance),
            ];
            let given = variables
                .iter()
                .filter_map(|(name, value)| value.map(|value| (name, value)));
            given
                .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''")))
                .collect()
        }
    }
}
