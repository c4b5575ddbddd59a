//! This machine's clock against the server's.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::{
    failure::{Failure, Status},
    text::rfc3339,
};

/// How far the clocks are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skew {
    /// So little that nobody minds.
    Small(Duration),
    /// This machine's is behind: assertions have less time to live.
    Behind(Duration),
    /// This machine's is ahead: some servers take no assertion from the future.
    Ahead(Duration),
}

/// `Date` has whole seconds, and the answer was under way for a while.
const TOLERANCE: Duration = Duration::from_secs(30);

impl Skew {
    /// Of a `Date` header (RFC 9110 section 5.6.7) that has come now; `None` where it is none.
    pub(super) fn of(date: &str, now: SystemTime) -> Option<Self> {
        let date = OffsetDateTime::parse(date.trim(), &Rfc2822).ok()?;
        let server = SystemTime::from(date);
        let (apart, skew): (_, fn(Duration) -> Self) = match server.duration_since(now) {
            Ok(behind) => (behind, Self::Behind),
            Err(ahead) => (ahead.duration(), Self::Ahead),
        };
        Some(if apart <= TOLERANCE {
            Self::Small(apart)
        } else {
            skew(apart)
        })
    }

    /// Why an assertion that lives so long has no time to live: it had expired when it came.
    pub(super) fn fatal(self, lifetime: Duration, now: SystemTime) -> Option<Failure> {
        let Self::Behind(by) = self else {
            return None;
        };
        (by >= lifetime).then(|| {
            let message = format!(
                "this machine's clock is {} behind the server's, and an assertion lives {}: it has expired when it comes",
                told(by),
                told(lifetime)
            );
            Failure::new("oauth", message, Status::REFUSED)
                .with_hint(format!("{CURE} (here it is {})", rfc3339(now)))
        })
    }
}

/// What sets a clock right.
pub(super) const CURE: &str =
    "set this machine's clock, and have a time service (chrony, systemd-timesyncd) keep it";

/// A time span for people: its two largest units.
pub(super) fn told(span: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = span.as_secs();
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        if rest >= size {
            parts.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        return "0 s".into();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn at(offset: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs((784_111_777 + offset) as u64)
    }

    #[test]
    fn the_date_of_an_answer_tells() {
        let seconds = Duration::from_secs;
        for (offset, skew) in [
            (0, Skew::Small(seconds(0))),
            (-30, Skew::Small(seconds(30))),
            (-31, Skew::Behind(seconds(31))),
            (3_600, Skew::Ahead(seconds(3_600))),
        ] {
            assert_eq!(Skew::of(DATE, at(offset)), Some(skew), "{offset}");
        }
        assert_eq!(Skew::of("yesterday", at(0)), None);
    }

    #[test]
    fn only_a_clock_behind_by_a_lifetime_is_fatal() {
        let lifetime = Duration::from_secs(180);
        let fatal = |offset| {
            Skew::of(DATE, at(offset))
                .unwrap()
                .fatal(lifetime, at(offset))
        };
        assert!(fatal(-179).is_none());
        assert!(fatal(180).is_none());
        assert_eq!(fatal(-180).unwrap().status(), Status::REFUSED);
    }

    #[test]
    fn spans_are_told_by_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (61, "1 min 1 s"),
            (90_061, "1 d 1 h"),
            (3_600, "1 h"),
        ] {
            assert_eq!(told(Duration::from_secs(seconds)), text);
        }
    }
}
