//! The JWT bearer grant (RFC 7523), verified as Salesforce does.

use serde_json::Value;

use crate::{
    assertion::Assertion,
    log::{Draft, clipped},
    model::Policy,
    refusal::Refusal,
    state::{App, State},
};

/// Whose login it is: places in the org's lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) app: usize,
    pub(crate) user: usize,
}

/// More than this is no time of our century in seconds: it is milliseconds.
const MILLISECONDS: f64 = 1e11;
/// What Salesforce's documentation allows, in seconds.
const DOCUMENTED_LIFETIME: f64 = 300.0;

/// Verifies an assertion, in Salesforce's order as far as it is known: the app, the signature, the audience, the time,
/// and then who the user is. A login is counted, and a `jti` remembered.
pub(crate) fn verify(
    assertion: &str,
    state: &State,
    draft: &mut Draft,
) -> Result<Granted, Refusal> {
    let assertion = Assertion::read(assertion, draft)?;
    let at = find_app(&assertion, state, draft)?;
    let app = state.app(at)?;
    check_signature(&assertion, app)?;
    check_audience(&assertion, state, draft)?;
    check_times(&assertion, state, draft)?;
    check_jti(&assertion, app, state)?;
    let user = find_user(&assertion, app, state, draft)?;
    Ok(Granted { app: at, user })
}

fn find_app(assertion: &Assertion<'_>, state: &State, draft: &mut Draft) -> Result<usize, Refusal> {
    let unknown = |why: String| {
        Err(Refusal::new(
            "invalid_client_id",
            "client identifier invalid",
            why,
        ))
    };
    let Some(issuer) = assertion.text("iss") else {
        return unknown("iss is missing".into());
    };
    draft.set_client(issuer);
    match state.find_app(issuer) {
        Some(at) => Ok(at),
        None => unknown("no app has this iss as its consumer key".into()),
    }
}

fn check_signature(assertion: &Assertion<'_>, app: &App) -> Result<(), Refusal> {
    if app.keys.iter().any(|key| assertion.is_signed_by(key)) {
        return Ok(());
    }
    Err(Refusal::assertion(
        match (&app.keys[..], &app.unusable[..]) {
            ([], [why, ..]) => format!("the app's certificate verifies nothing: {why}"),
            ([], []) => "the app has no certificate".into(),
            ([_], _) => "the signature is not by the key of the app's certificate".into(),
            _ => "the signature is not by the key of any of the app's certificates".into(),
        },
    ))
}

fn check_audience(
    assertion: &Assertion<'_>,
    state: &State,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let refused = |why: String| Err(Refusal::grant("audience is invalid", why));
    let audience = match assertion.claims.get("aud") {
        Some(Value::String(audience)) => audience,
        Some(_) => return refused("aud is not a string".into()),
        None => return refused("aud is missing".into()),
    };
    let known = [
        state.url.as_str(),
        "https://login.salesforce.com",
        "https://test.salesforce.com",
    ];
    for url in known {
        if audience == url {
            return Ok(());
        }
        if audience.strip_suffix('/') == Some(url) {
            draft.odd("aud ends in a slash");
            return Ok(());
        }
        if url.split_once("://").map(|(_, host)| host) == Some(audience) {
            draft.odd("aud is a bare host");
            return Ok(());
        }
    }
    refused(format!(
        "aud is \"{}\"; taken are {}",
        clipped(audience),
        known.join(", ")
    ))
}

fn check_times(assertion: &Assertion<'_>, state: &State, draft: &mut Draft) -> Result<(), Refusal> {
    // Ages of a second and less do not matter here, and no time that is meant exceeds 2^53.
    let now = state.clock.unix() as f64;
    let expires = match assertion.claims.get("exp") {
        Some(Value::String(text)) => {
            draft.odd("exp is a string");
            text.parse::<f64>().ok().filter(|time| time.is_finite())
        }
        Some(number) => number.as_f64(),
        None => return Err(Refusal::assertion("exp is missing")),
    };
    let Some(expires) = expires else {
        return Err(Refusal::assertion("exp is no number"));
    };
    if expires <= now {
        let why = format!("exp was {:.0} s ago by the org's clock", now - expires);
        return Err(Refusal::grant("expired authorization code", why));
    }
    if expires > MILLISECONDS {
        draft.odd("exp is in milliseconds: read as seconds it is far ahead");
    } else if expires > now + DOCUMENTED_LIFETIME {
        draft.odd(format!(
            "exp is {:.0} s ahead; Salesforce documents {DOCUMENTED_LIFETIME} at most",
            expires - now
        ));
    }
    if expires.fract() != 0.0 {
        draft.odd("exp has a fraction");
    }
    for name in ["nbf", "iat"] {
        let time = assertion.claims.get(name).and_then(Value::as_f64);
        if time.is_some_and(|time| time > now + 1.0) {
            draft.odd(format!("{name} is in the future by the org's clock"));
        }
    }
    Ok(())
}

fn check_jti(assertion: &Assertion<'_>, app: &App, state: &State) -> Result<(), Refusal> {
    let Some(jti) = assertion.claims.get("jti") else {
        return Ok(());
    };
    if state.is_new(&app.client_id, &jti.to_string()) {
        return Ok(());
    }
    Err(Refusal::new(
        "bad_jti_claim",
        "jti has been used before",
        "this jti was in an earlier assertion",
    ))
}

fn find_user(
    assertion: &Assertion<'_>,
    app: &App,
    state: &State,
    draft: &mut Draft,
) -> Result<usize, Refusal> {
    // `prn` is the older name of `sub`, and wins.
    if assertion.claims.contains_key("prn") {
        draft.odd("prn, the older name of sub");
    }
    let name = assertion.text("prn").or_else(|| assertion.text("sub"));
    let Some(name) = name else {
        return Err(not_allowed(app, "sub is missing"));
    };
    draft.set_user(name);
    let Some((at, user)) = state.find_user(name) else {
        return Err(not_allowed(app, "there is no such user"));
    };
    if user.name != name {
        draft.odd("the user name is written in another case");
    }
    if !app.model.allows(user) {
        return Err(not_allowed(app, "the user is not among the app's users"));
    }
    if !user.active {
        return Err(Refusal::grant("inactive user", "the user is deactivated"));
    }
    if !state.count_login(at, user.login_limit) {
        let why = format!("more than {} logins within an hour", user.login_limit);
        return Err(Refusal::grant("login rate exceeded", why));
    }
    Ok(at)
}

/// Salesforce does not tell a user that is unknown from one that may not use the app.
fn not_allowed(app: &App, why: &str) -> Refusal {
    match app.policy {
        Policy::AdminApproved => Refusal::new(
            "invalid_app_access",
            "user is not admin approved to access this app",
            why,
        ),
        Policy::SelfAuthorize => Refusal::grant("user hasn't approved this consumer", why),
    }
}
