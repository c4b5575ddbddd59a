//! `assertion`: the signed JWT.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    args::Json,
    connection::Connection,
    context::Context,
    failure::{Outcome, Status},
};

/// Print the signed assertion (JWT), without sending it
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Signed<'a> {
    assertion: &'a str,
    header: &'a Map<String, Value>,
    claims: &'a Map<String, Value>,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let login = arguments.connection.login(cx).await?;
    let assertion = login.grant().assertion().await?;
    let signed = Signed {
        assertion: assertion.expose(),
        header: assertion.header(),
        claims: assertion.claims(),
    };
    cx.out
        .data(&signed, || format!("{}\n", assertion.expose()))?;
    Ok(Status::DONE)
}
