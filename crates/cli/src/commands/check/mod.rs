//! `check`: the connection tested, step by step.

mod api;
mod clock;
mod key;
mod report;

use std::time::SystemTime;

use clap::Args;
use keybearer_auth::Token;
use keybearer_core::Bound;

use crate::{
    args::Json,
    connection::{Connection, KeyPlan, Plan},
    context::Context,
    failure::{Failure, Outcome},
    progress,
    text::without_credentials,
};
use clock::Skew;
use report::{Report, Told};

/// Test the connection: every step from the key to a call of the API, each with its cure
///
/// One token is fetched; nothing is changed. The exit status is that of the first step that failed.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    keybearer check --key 00D28.jks --alias jobcert --password-source env:STORE_PASSWORD \\\n    \
    --client-id 3MVG9... --username job@example.com --login-url https://example.my.salesforce.com")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    json: Json,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let mut report = Report::new(cx.out);
    let (plan, key_plan) = configuration(&arguments.connection, &mut report, cx).await?;
    let key = key::check(key_plan.as_ref(), &mut report, cx).await?;
    let token = match (&plan, key) {
        (Some(plan), Some(key)) => exchange(plan, key, &mut report).await?,
        (plan, _) => {
            let why = match plan {
                Some(_) => "the key cannot be used",
                None => "the configuration is not complete",
            };
            report.skipped(CLOCK, why)?;
            report.skipped(EXCHANGE, why)?;
            None
        }
    };
    api::check(plan.as_ref(), token.as_ref(), &mut report).await?;
    report.end()
}

const CONFIGURATION: &str = "configuration";
const CLOCK: &str = "clock";
const EXCHANGE: &str = "exchange";

/// The key is looked at even where the rest of the configuration is not complete.
async fn configuration(
    connection: &Connection,
    report: &mut Report,
    cx: &Context,
) -> Result<(Option<Plan>, Option<KeyPlan>), Failure> {
    let key = connection.key_plan(cx);
    let plan = connection.plan(cx).await;
    match (&key, &plan) {
        (Err(key), Err(plan)) => report.failed(CONFIGURATION, &key.and(plan))?,
        (Err(failure), _) | (_, Err(failure)) => report.failed(CONFIGURATION, failure)?,
        (Ok(_), Ok(plan)) => complete(plan, report)?,
    }
    Ok((plan.ok(), key.ok()))
}

fn complete(plan: &Plan, report: &mut Report) -> Told {
    let detail = format!(
        "client {} for {} at {}, audience {}",
        plan.issuer,
        plan.subject,
        without_credentials(&plan.token_url),
        plan.audience
    );
    if keybearer_salesforce::is_in_the_clear(&plan.token_url) {
        return report.warning(
            CONFIGURATION,
            detail,
            "use https: whoever listens in can use the assertion and the token",
        );
    }
    report.ok(CONFIGURATION, detail)
}

/// One exchange tells both the clock and the token.
async fn exchange(plan: &Plan, key: Bound, report: &mut Report) -> Result<Option<Token>, Failure> {
    let login = plan.login(key);
    let (outcome, date) = {
        let _shown = progress::show(report.out(), "asking for a token");
        login.exchange_dated().await
    };
    clock_step(date.as_deref(), plan, report)?;
    match outcome {
        Ok(token) => {
            let scope = token.scope().map(|scope| format!(", scope {scope}"));
            let detail = format!(
                "an access token for {}{}",
                plan.subject,
                scope.unwrap_or_default()
            );
            if login.audience() == plan.audience {
                report.ok(EXCHANGE, detail)?;
            } else {
                let cure = format!(
                    "give --audience {}: it saves a request each time",
                    login.audience()
                );
                let detail = format!("{detail}; the audience {} was refused first", plan.audience);
                report.warning(EXCHANGE, detail, &cure)?;
            }
            Ok(Some(token))
        }
        Err(error) => {
            report.failed(EXCHANGE, &error.into())?;
            Ok(None)
        }
    }
}

fn clock_step(date: Option<&str>, plan: &Plan, report: &mut Report) -> Told {
    let now = SystemTime::now();
    let Some(date) = date else {
        return report.skipped(CLOCK, "no answer of the server tells its time");
    };
    let Some(skew) = Skew::of(date, now) else {
        return report.skipped(CLOCK, "the server's Date cannot be read");
    };
    if let Some(failure) = skew.fatal(plan.lifetime, now) {
        return report.failed(CLOCK, &failure);
    }
    match skew {
        Skew::Small(apart) => report.ok(
            CLOCK,
            format!("within {} of the server's", clock::told(apart)),
        ),
        Skew::Behind(by) => {
            let detail = format!(
                "{} behind the server's: assertions live that much shorter",
                clock::told(by)
            );
            report.warning(CLOCK, detail, clock::CURE)
        }
        Skew::Ahead(by) => {
            let detail = format!(
                "{} ahead of the server's: some servers refuse assertions from the future",
                clock::told(by)
            );
            report.warning(CLOCK, detail, clock::CURE)
        }
    }
}
