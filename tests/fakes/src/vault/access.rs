//! Tokens, policies and AppRole, as far as a client meets them.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{State, Vault, data, refusal};
use crate::{Answer, Asked};

#[derive(Debug)]
pub(super) struct Token {
    namespace: String,
    policies: Vec<String>,
    pub(super) is_of_login: bool,
}

/// Pairs of a capability and a path; `*` for all.
#[derive(Debug)]
pub(super) struct Rules(Vec<String>);

#[derive(Debug)]
pub(super) struct Role {
    id: String,
    pub(super) secret_id: String,
    policy: String,
}

impl Token {
    pub(super) fn new(namespace: &str, policies: Vec<String>) -> Self {
        Self {
            namespace: namespace.into(),
            policies,
            is_of_login: false,
        }
    }

    /// A token is none outside its namespace and those below it.
    fn is_known_in(&self, namespace: &str) -> bool {
        match namespace.strip_prefix(&self.namespace) {
            Some(below) => self.namespace.is_empty() || below.is_empty() || below.starts_with('/'),
            None => false,
        }
    }
}

impl Rules {
    pub(super) fn of(rules: &[&str]) -> Self {
        Self(rules.iter().map(|&rule| rule.to_owned()).collect())
    }

    fn allow(&self, capability: &str, path: &str) -> bool {
        let wanted = format!("{capability} {path}");
        self.0.iter().any(|rule| rule == "*" || *rule == wanted)
    }
}

impl Role {
    pub(super) fn new(id: &str, secret_id: &str, policy: &str) -> Self {
        Self {
            id: id.into(),
            secret_id: secret_id.into(),
            policy: policy.into(),
        }
    }
}

impl State {
    fn token(&self, text: &str, namespace: &str) -> Option<&Token> {
        let token = self.tokens.get(text)?;
        token.is_known_in(namespace).then_some(token)
    }

    /// A policy's paths begin at its own namespace.
    fn may(&self, token: &Token, capability: &str, namespace: &str, path: &str) -> bool {
        let below = namespace[token.namespace.len()..].trim_start_matches('/');
        let path = match below {
            "" => path.to_owned(),
            below => format!("{below}/{path}"),
        };
        let policies = self.spaces.get(&token.namespace);
        token
            .policies
            .iter()
            .filter_map(|name| policies?.policies.get(name))
            .any(|rules| rules.allow(capability, &path))
    }
}

impl Vault {
    /// What is decided here: who asks, and whether they may. `None` for a request that may pass.
    pub(super) fn access(&self, asked: &Asked, namespace: &str, path: &str) -> Option<Answer> {
        if (asked.method.as_str(), path) == ("POST", "auth/approle/login") {
            return Some(self.log_in(&asked.json(), namespace));
        }
        let state = self.state();
        let Some(token) = state.token(asked.header("x-vault-token"), namespace) else {
            return Some(denied());
        };
        if path == "auth/token/lookup-self" {
            let found = json!({"data": {"policies": token.policies}});
            return Some(data(200, &found));
        }
        let capability = match asked.method.as_str() {
            "GET" => "read",
            _ => "update",
        };
        let may = state.may(token, capability, namespace, path);
        (!may).then(denied)
    }

    fn log_in(&self, body: &Value, namespace: &str) -> Answer {
        let mut state = self.state();
        let roles = state
            .spaces
            .get(namespace)
            .into_iter()
            .flat_map(|it| it.roles.values());
        let mut fits = roles
            .filter(|role| body["role_id"] == *role.id && body["secret_id"] == *role.secret_id);
        let Some(policy) = fits.next().map(|role| role.policy.clone()) else {
            return refusal(400, "invalid role or secret ID");
        };
        let number = self.logins.fetch_add(1, Ordering::SeqCst);
        let name = format!("hvs.login-{number}-of-the-fake");
        let token = Token {
            is_of_login: true,
            ..Token::new(namespace, vec![policy])
        };
        state.tokens.insert(name.clone(), token);
        let auth = json!({"client_token": name, "lease_duration": 3600, "renewable": true});
        data(200, &json!({ "auth": auth }))
    }
}

fn denied() -> Answer {
    refusal(403, "1 error occurred:\n\t* permission denied\n\n")
}
