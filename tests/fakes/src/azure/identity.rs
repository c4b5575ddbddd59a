//! Managed identities: the Instance Metadata Service of virtual machines, and the endpoint of the App Service.

use serde_json::json;

use super::{Azure, IDENTITY_HEADER, Lie, field, next, now};
use crate::{Answer, Asked};

impl Azure {
    /// `GET /metadata/identity/oauth2/token`, which wants `Metadata: true` and is reached by no proxy.
    pub(super) fn imds(&self, asked: &Asked) -> Result<Answer, Answer> {
        let bad = |why: &str| {
            Answer::json(
                400,
                &json!({"error": "invalid_request", "error_description": why}),
            )
        };
        match next(&self.token_lies) {
            Some(Lie::Html) => return Err(Answer::html()),
            Some(Lie::Status(status, code, wait)) => {
                return Err(Answer::json(status, &json!({"error": code})).retry_after(wait));
            }
            _ => {}
        }
        if asked.header("metadata") != "true" || !asked.header("x-forwarded-for").is_empty() {
            return Err(bad("Required metadata header not specified"));
        }
        self.identity(asked, "2018-02-01", &bad)
    }

    /// `GET IDENTITY_ENDPOINT`, which wants `X-IDENTITY-HEADER`.
    pub(super) fn app_service(&self, asked: &Asked) -> Result<Answer, Answer> {
        let bad = |why: &str| Answer::json(400, &json!({"statusCode": 400, "message": why}));
        if asked.header("x-identity-header") != IDENTITY_HEADER {
            return Err(Answer::json(
                401,
                &json!({"statusCode": 401, "message": "no"}),
            ));
        }
        self.identity(asked, "2019-08-01", &bad)
    }

    fn identity(
        &self,
        asked: &Asked,
        version: &str,
        bad: &dyn Fn(&str) -> Answer,
    ) -> Result<Answer, Answer> {
        let query = asked.uri.query().unwrap_or_default();
        if asked.method != "GET" || field(query, "api-version").as_deref() != Some(version) {
            return Err(bad("api-version is missing or not supported"));
        }
        let resource = field(query, "resource").ok_or_else(|| bad("no resource"))?;
        let identities = self.identities.lock().unwrap();
        let client_id = match field(query, "client_id") {
            Some(wanted) => identities.iter().find(|it| **it == wanted),
            None => identities.first(),
        };
        let client_id = client_id.ok_or_else(|| bad("Identity not found"))?;
        let (token, lifetime) = self.access_token(client_id, &resource);
        // Numbers as text, as both do.
        Ok(Answer::json(
            200,
            &json!({
                "access_token": token,
                "client_id": client_id,
                "expires_in": lifetime.to_string(),
                "expires_on": (now() + lifetime).to_string(),
                "resource": resource,
                "token_type": "Bearer",
            }),
        ))
    }
}
