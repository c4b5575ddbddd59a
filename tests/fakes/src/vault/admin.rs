//! What an administrator asks, as far as tests set a server up by it: the same requests set up a real one.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{
    Space, Vault,
    access::{Role, Rules, Token},
    data, refusal, transit,
};
use crate::{Answer, Asked, Key, Kind};

impl Vault {
    /// `None` for a request that is no administrator's.
    pub(super) fn admin(&self, asked: &Asked, namespace: &str, path: &str) -> Option<Answer> {
        let parts: Vec<_> = path.split('/').collect();
        let body = asked.json();
        // Vault makes no difference between the two.
        let method = match asked.method.as_str() {
            "PUT" => "POST",
            method => method,
        };
        match (method, parts.as_slice()) {
            ("POST", ["sys", "mounts", "transit"] | ["sys", "auth", "approle"]) => {}
            ("POST", ["sys", "namespaces", name]) => self.make_namespace(&below(namespace, name)),
            ("POST", ["sys", "policies", "acl", name]) => {
                let Some(rules) = rules(&body["policy"]) else {
                    return Some(refusal(400, "the double takes policies as JSON"));
                };
                self.in_space(namespace, |space| {
                    space.policies.insert((*name).into(), rules);
                });
            }
            ("POST", ["auth", "token", "create"]) => {
                let token = Token::new(namespace, strings(&body["policies"]));
                let name = format!(
                    "hvs.token-{}-of-the-fake",
                    self.requests.load(Ordering::SeqCst)
                );
                self.state().tokens.insert(name.clone(), token);
                return Some(data(200, &json!({"auth": {"client_token": name}})));
            }
            ("POST", ["auth", "token", "revoke"]) => {
                self.revoke(body["token"].as_str().unwrap_or_default());
            }
            ("POST", ["auth", "approle", "role", name, "secret-id"]) => {
                let secret = format!("secret-id-of-{name}");
                self.in_space(namespace, |space| {
                    if let Some(role) = space.roles.get_mut(*name) {
                        role.secret_id.clone_from(&secret);
                    }
                });
                return Some(data(200, &json!({"data": {"secret_id": secret}})));
            }
            ("POST", ["auth", "approle", "role", name]) => {
                let policies = strings(&body["token_policies"]);
                let policy = policies.first().map_or("", String::as_str);
                let role = Role::new(&format!("id-of-{name}"), "", policy);
                self.in_space(namespace, |space| space.roles.insert((*name).into(), role));
            }
            ("GET", ["auth", "approle", "role", name, "role-id"]) => {
                let id = format!("id-of-{name}");
                return Some(data(200, &json!({"data": {"role_id": id}})));
            }
            ("POST", ["transit", "keys", name]) => {
                let Some(kind) = kind(&body["type"]) else {
                    return Some(refusal(400, "unknown key type"));
                };
                self.make_in(namespace, name, kind);
                return Some(self.engine_read(namespace, name));
            }
            ("POST", ["transit", "keys", name, "rotate"]) => {
                self.in_space(namespace, |space| {
                    let versions = &mut space.keys.entry((*name).into()).or_default().versions;
                    let kind = versions.last().map(|key: &Key| key.kind);
                    versions.extend(kind.map(Key::generate));
                });
                return Some(self.engine_read(namespace, name));
            }
            ("DELETE", ["transit", "keys", name, "soft-delete"]) => {
                self.soft_delete(namespace, name, true);
                return Some(self.engine_read(namespace, name));
            }
            ("POST", ["transit", "keys", name, "soft-delete-restore"]) => {
                self.soft_delete(namespace, name, false);
                return Some(self.engine_read(namespace, name));
            }
            ("POST", ["transit", "keys", name, "config"]) => {
                let least = body["min_decryption_version"].as_u64().unwrap_or_default();
                self.in_space(namespace, |space| {
                    space.keys.entry((*name).into()).or_default().least = least;
                });
                return Some(self.engine_read(namespace, name));
            }
            _ => return None,
        }
        Some(Answer::text(204, ""))
    }

    fn soft_delete(&self, namespace: &str, name: &str, deleted: bool) {
        self.in_space(namespace, |space| {
            space.keys.entry(name.into()).or_default().is_soft_deleted = deleted;
        });
    }

    fn in_space<T>(&self, namespace: &str, change: impl FnOnce(&mut Space) -> T) -> T {
        change(self.state().spaces.entry(namespace.into()).or_default())
    }
}

fn below(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.into(),
        above => format!("{above}/{name}"),
    }
}

fn kind(name: &Value) -> Option<Kind> {
    let name = name.as_str()?;
    Kind::ALL
        .into_iter()
        .find(|&kind| transit::key_type(kind) == name)
}

/// A policy in the JSON form of HCL: `{"path": {"PATH": {"capabilities": […]}}}`.
fn rules(policy: &Value) -> Option<Rules> {
    let policy: Value = serde_json::from_str(policy.as_str()?).ok()?;
    let mut rules = Vec::new();
    for (path, rule) in policy["path"].as_object()? {
        let capabilities = strings(&rule["capabilities"]);
        rules.extend(
            capabilities
                .iter()
                .map(|capability| format!("{capability} {path}")),
        );
    }
    Some(Rules::of(
        &rules.iter().map(String::as_str).collect::<Vec<_>>(),
    ))
}

/// Vault takes a list also as one text with commas.
fn strings(list: &Value) -> Vec<String> {
    if let Some(text) = list.as_str() {
        return text.split(',').map(|part| part.trim().to_owned()).collect();
    }
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}
