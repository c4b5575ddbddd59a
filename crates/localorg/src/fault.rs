//! Faults, for tests of clients.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// What happens to the next request to the token endpoint instead of an answer, or before one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// This status with this body, and a `Retry-After` of so many seconds where one is given.
    Answer {
        /// The HTTP status.
        status: u16,
        /// `Content-Type`.
        content_type: &'static str,
        /// The body.
        body: String,
        /// `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// The answer comes later. What the request asks for is done then, and not before.
    Delay(Duration),
}

impl Fault {
    /// 503 with `Retry-After`.
    pub fn unavailable(retry_after: u32) -> Self {
        Self::Answer {
            status: 503,
            content_type: "text/plain",
            body: "Service Unavailable".into(),
            retry_after: Some(retry_after),
        }
    }

    /// Salesforce's page while it is maintained, or a proxy's: HTML with this status.
    pub fn html(status: u16) -> Self {
        Self::Answer {
            status,
            content_type: "text/html;charset=UTF-8",
            body: "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Data Not Available</body></html>"
                .into(),
            retry_after: None,
        }
    }

    /// 400 with an OAuth error: a refusal that the org itself has no reason for.
    pub fn refusal(error: &str, description: &str) -> Self {
        Self::Answer {
            status: 400,
            content_type: "application/json;charset=UTF-8",
            body: serde_json::json!({ "error": error, "error_description": description })
                .to_string(),
            retry_after: None,
        }
    }

    /// The answer; `None` where the fault has passed and the org is to answer.
    pub(crate) async fn happen(self) -> Option<Response> {
        match self {
            Self::Delay(time) => {
                tokio::time::sleep(time).await;
                None
            }
            Self::Answer {
                status,
                content_type,
                body,
                retry_after,
            } => {
                let status =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut answer = (status, Body::from(body)).into_response();
                let headers = answer.headers_mut();
                if let Ok(content_type) = HeaderValue::from_str(content_type) {
                    headers.insert(header::CONTENT_TYPE, content_type);
                }
                if let Some(seconds) = retry_after {
                    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                Some(answer)
            }
        }
    }
}
