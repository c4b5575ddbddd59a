//! The token used: who it is for, and one call of the API.

use keybearer_auth::Token;
use keybearer_http::{HttpError, HttpErrorKind, Request, Response};
use serde_json::Value;

use super::report::{Report, Told};
use crate::{
    connection::Plan,
    failure::{Failure, Status},
    progress,
};

const USERINFO: &str = "userinfo";
const API: &str = "api";
/// Of Spring '24, which Salesforce keeps for years. The list of what the API has is answered to whoever may use the API
/// at all, and to nobody else.
const RESOURCES: &str = "/services/data/v60.0";

/// Both steps, or why they are skipped.
pub(super) async fn check(plan: Option<&Plan>, token: Option<&Token>, report: &mut Report) -> Told {
    let (Some(plan), Some(token)) = (plan, token) else {
        report.skipped(USERINFO, "there is no token")?;
        return report.skipped(API, "there is no token");
    };
    let Some(base) = token.instance_url() else {
        let why = "the answer has no instance_url: this server is not Salesforce";
        report.skipped(USERINFO, why)?;
        return report.skipped(API, why);
    };
    let base = base.trim_end_matches('/');
    match get(
        plan,
        token,
        &format!("{base}/services/oauth2/userinfo"),
        report,
    )
    .await
    {
        Ok(answer) => report.ok(USERINFO, who(&answer))?,
        Err(failure) => report.failed(USERINFO, &failure)?,
    }
    match get(plan, token, &format!("{base}{RESOURCES}"), report).await {
        Ok(answer) => report.ok(API, what(base, &answer)),
        Err(failure) => report.failed(API, &failure),
    }
}

async fn get(plan: &Plan, token: &Token, url: &str, report: &Report) -> Result<Value, Failure> {
    let _shown = progress::show(report.out(), "calling the API");
    let request = Request::get(url)?.header("authorization", token.access_token().authorization());
    let response = plan.client.send(request).await?;
    match response.status() {
        200 => serde_json::from_slice(response.body()).map_err(|_| {
            Failure::new(
                "network",
                format!("{url} did not answer with JSON"),
                Status::TRANSIENT,
            )
            .with_hint("look at what stands between: a proxy, a portal, maintenance")
        }),
        _ => Err(refused(&response, url)),
    }
}

/// Says what the API said, in its own words where it has some.
fn refused(response: &Response, url: &str) -> Failure {
    let status = response.status();
    let words = words(response);
    let said = words.as_deref().map(|words| format!(" ({words})"));
    let message = format!(
        "{url} answered with status {status}{}",
        said.unwrap_or_default()
    );
    if status == 429 {
        return Failure::new("throttled", message, Status::TRANSIENT)
            .with_hint("wait, then try again");
    }
    if status >= 500 || response.is_html() {
        return Failure::new("network", message, Status::TRANSIENT)
            .with_hint("try again; if it stays, look at status.salesforce.com");
    }
    let has = |word: &str| words.as_deref().is_some_and(|words| words.contains(word));
    let hint = if has("API_DISABLED_FOR_ORG") || has("API_CURRENTLY_DISABLED") {
        "the user has no API access: its profile or permission set needs \"API Enabled\", the org an edition with the API"
    } else if has("REQUEST_LIMIT_EXCEEDED") {
        "the org's API calls of the day are used up: wait, or look at what uses them"
    } else if status == 401 || status == 403 {
        "the token was issued and is not accepted: look at the scopes of the app (api), its IP relaxation and its session policies"
    } else {
        "check that the login URL is an org's, with the API of version 60.0 or later"
    };
    Failure::new("oauth", message, Status::REFUSED).with_hint(hint)
}

/// A word of plain text from the identity service, a list of errors from the API.
fn words(response: &Response) -> Option<String> {
    const MOST: usize = 200;
    let body = std::str::from_utf8(response.body()).ok()?.trim();
    let text = match serde_json::from_str::<Value>(body) {
        Ok(json) => {
            let first = json.get(0).unwrap_or(&json);
            let text = |name: &str| first.get(name).and_then(Value::as_str);
            let parts = [text("errorCode"), text("message")];
            parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
        }
        Err(_) if response.is_html() => "a web page".into(),
        Err(_) => body.lines().next().unwrap_or_default().to_owned(),
    };
    (!text.is_empty()).then(|| text.chars().take(MOST).collect())
}

fn who(userinfo: &Value) -> String {
    let text = |name: &str| userinfo.get(name).and_then(Value::as_str);
    let name = text("preferred_username")
        .or_else(|| text("sub"))
        .unwrap_or("a user without a name");
    let ids: Vec<_> = [("user", "user_id"), ("org", "organization_id")]
        .into_iter()
        .filter_map(|(label, field)| Some(format!("{label} {}", text(field)?)))
        .collect();
    if ids.is_empty() {
        return name.into();
    }
    format!("{name} ({})", ids.join(", "))
}

fn what(base: &str, resources: &Value) -> String {
    let count = resources.as_object().map_or(0, serde_json::Map::len);
    format!("GET {base}{RESOURCES} answered, with {count} resources")
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let (kind, status) = if error.kind() == HttpErrorKind::Config {
            ("config", Status::USAGE)
        } else {
            ("network", Status::TRANSIENT)
        };
        let failure = Self::new(kind, error.to_string(), status).with_sources_of(&error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
