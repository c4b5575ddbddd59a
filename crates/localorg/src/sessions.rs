//! Sessions, logins and what was seen before.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, SystemTime},
};

/// The live sessions, by token and by their owner.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_token: HashMap<String, Session>,
    /// The newest session of an app and a user.
    by_owner: HashMap<(usize, usize), String>,
    /// At how many sessions those that ended are swept out.
    sweep_at: usize,
}

/// One session; everyone who has its token shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) app: usize,
    pub(crate) user: usize,
    pub(crate) began: SystemTime,
    pub(crate) ends: SystemTime,
    /// What each use begins anew; `None` where the end is fixed.
    pub(crate) sliding: Option<Duration>,
}

/// When a user's logins of the last hour were.
#[derive(Debug, Default)]
pub(crate) struct Logins(HashMap<usize, VecDeque<SystemTime>>);

/// The `jti`s that were there before.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    set: HashSet<String>,
    order: VecDeque<String>,
}

const HOUR: Duration = Duration::from_secs(3600);
const FEW: usize = 1024;
/// As many are remembered; then the oldest is forgotten.
const REMEMBERED: usize = 100_000;

impl Sessions {
    /// The token of the owner's live session where it is to be used again, or else `token`, whose session begins.
    pub(crate) fn open(
        &mut self,
        token: String,
        session: Session,
        reuse: bool,
        now: SystemTime,
    ) -> String {
        let owner = (session.app, session.user);
        if reuse && let Some(live) = self.by_owner.get(&owner) {
            let lives = self.by_token.get(live).is_some_and(|old| old.ends > now);
            if lives {
                return live.clone();
            }
        }
        if self.by_token.len() >= self.sweep_at.max(FEW) {
            self.by_token.retain(|_, session| session.ends > now);
            self.sweep_at = self.by_token.len() * 2;
        }
        self.by_token.insert(token.clone(), session);
        self.by_owner.insert(owner, token.clone());
        token
    }

    /// The live session of a token.
    pub(crate) fn peek(&self, token: &str, now: SystemTime) -> Option<Session> {
        self.by_token
            .get(token)
            .filter(|session| session.ends > now)
            .copied()
    }

    /// As [`peek`](Self::peek), and it was used.
    pub(crate) fn touch(&mut self, token: &str, now: SystemTime) -> Option<Session> {
        let session = self.by_token.get_mut(token)?;
        if session.ends <= now {
            return None;
        }
        if let Some(lifetime) = session.sliding {
            session.ends = now + lifetime;
        }
        Some(*session)
    }

    /// Ends a live session for all who share it; it is given back.
    pub(crate) fn revoke(&mut self, token: &str, now: SystemTime) -> Option<Session> {
        self.by_token
            .remove(token)
            .filter(|session| session.ends > now)
    }
}

impl Logins {
    /// Counts a login, unless the user had `limit` of them within the last hour.
    pub(crate) fn count(&mut self, user: usize, limit: u32, now: SystemTime) -> bool {
        let logins = self.0.entry(user).or_default();
        while logins.front().is_some_and(|login| *login + HOUR <= now) {
            logins.pop_front();
        }
        let is_within = logins.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if is_within {
            logins.push_back(now);
        }
        is_within
    }
}

impl Seen {
    /// Whether this one is new; it is remembered.
    pub(crate) fn is_new(&mut self, one: String) -> bool {
        if !self.set.insert(one.clone()) {
            return false;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        self.order.push_back(one);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn session(sliding: bool) -> Session {
        let lifetime = Duration::from_secs(60);
        Session {
            app: 0,
            user: 0,
            began: NOW,
            ends: NOW + lifetime,
            sliding: sliding.then_some(lifetime),
        }
    }

    #[test]
    fn a_session_is_shared_until_it_ends() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.open("a".into(), session(true), true, NOW), "a");
        assert_eq!(sessions.open("b".into(), session(true), true, NOW), "a");
        assert_eq!(sessions.open("c".into(), session(true), false, NOW), "c");
        assert!(sessions.revoke("a", NOW).is_some());
        assert!(sessions.revoke("a", NOW).is_none());
        assert!(sessions.peek("a", NOW).is_none());
        let later = NOW + Duration::from_secs(60);
        assert!(sessions.peek("c", later).is_none());
        let next = Session {
            ends: later + Duration::from_secs(60),
            ..session(true)
        };
        assert_eq!(sessions.open("d".into(), next, true, later), "d");
    }

    #[test]
    fn use_begins_the_time_anew_where_it_slides() {
        for slides in [true, false] {
            let mut sessions = Sessions::default();
            sessions.open("a".into(), session(slides), true, NOW);
            let used = NOW + Duration::from_secs(59);
            assert!(sessions.touch("a", used).is_some());
            let later = used + Duration::from_secs(59);
            assert_eq!(sessions.touch("a", later).is_some(), slides);
        }
    }

    #[test]
    fn the_sweep_keeps_what_lives() {
        let mut sessions = Sessions::default();
        let later = NOW + Duration::from_secs(61);
        for at in 0..FEW {
            sessions.open(format!("old {at}"), session(true), false, NOW);
        }
        let living = Session {
            ends: later + Duration::from_secs(60),
            ..session(true)
        };
        sessions.open("new".into(), living, false, later);
        assert_eq!(sessions.by_token.len(), 1);
        assert!(sessions.peek("new", later).is_some());
    }

    #[test]
    fn the_hour_of_logins_rolls() {
        let mut logins = Logins::default();
        assert!(logins.count(0, 2, NOW));
        assert!(logins.count(0, 2, NOW + Duration::from_secs(10)));
        assert!(!logins.count(0, 2, NOW + Duration::from_secs(3599)));
        assert!(logins.count(1, 2, NOW));
        assert!(logins.count(0, 2, NOW + HOUR));
        assert!(!logins.count(0, 2, NOW + HOUR));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut seen = Seen::default();
        for at in 0..=REMEMBERED {
            assert!(seen.is_new(at.to_string()));
        }
        assert!(!seen.is_new("1".into()));
        assert!(seen.is_new("0".into()));
    }
}
