//! Who asks: a password once, a token after that.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tonic::{Request, Status, metadata::MetadataMap, service::Interceptor};

/// Tokens that are known at once; the oldest is forgotten first, and its client logs in again.
const TOKENS_MAX: usize = 10_000;

/// Knows users and their passwords.
pub trait Authenticate: Send + Sync {
    /// Whether a user has this password.
    fn verify(&self, user: &str, password: &str) -> bool;

    /// A text that nobody can guess.
    fn token(&self) -> String;
}

/// The door of a server with users.
#[derive(Clone)]
pub(crate) struct Door(Arc<Inner>);

struct Inner {
    users: Option<Arc<dyn Authenticate>>,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    known: HashMap<String, ()>,
    oldest: VecDeque<String>,
}

impl Door {
    /// A door that needs no key if there are no users.
    pub(crate) fn new(users: Option<Arc<dyn Authenticate>>) -> Self {
        Self(Arc::new(Inner { users, tokens: Mutex::default() }))
    }

    /// A token for whoever shows a password.
    pub(crate) fn login(&self, metadata: &MetadataMap) -> Result<Option<String>, Status> {
        let Some(users) = &self.0.users else { return Ok(None) };
        self.check(metadata)?;
        let token = users.token();
        let mut tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.known.len() >= TOKENS_MAX
            && let Some(oldest) = tokens.oldest.pop_front()
        {
            tokens.known.remove(&oldest);
        }
        tokens.known.insert(token.clone(), ());
        tokens.oldest.push_back(token.clone());
        Ok(Some(token))
    }

    fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let Some(users) = &self.0.users else { return Ok(()) };
        let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let Some((scheme, value)) = header.and_then(|header| header.split_once(' ')) else {
            return Err(Status::unauthenticated("a user and a password are needed, or a token"));
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            let tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            return match tokens.known.contains_key(value.trim()) {
                true => Ok(()),
                false => Err(Status::unauthenticated("the token is not, or no longer, known")),
            };
        }
        let decoded = scheme.eq_ignore_ascii_case("basic").then(|| decode(value.trim())).flatten();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((user, password)) if users.verify(user, password) => Ok(()),
            _ => Err(Status::unauthenticated("wrong user or password")),
        }
    }
}

impl Interceptor for Door {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        self.check(request.metadata())?;
        Ok(request)
    }
}

/// Base 64, with or without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes().map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    });
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = (bits << 6 | u32::from(digit?)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ada;

    impl Authenticate for Ada {
        fn verify(&self, user: &str, password: &str) -> bool {
            (user, password) == ("ada", "s3:cret")
        }

        fn token(&self) -> String {
            "token".to_owned()
        }
    }

    fn metadata(header: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", header.parse().unwrap());
        metadata
    }

    #[test]
    fn a_password_gives_a_token_and_a_token_opens() {
        let door = Door::new(Some(Arc::new(Ada)));
        assert!(door.check(&MetadataMap::new()).is_err());
        assert!(door.check(&metadata("Bearer token")).is_err());
        assert!(door.login(&metadata("Basic YWRhOndyb25n")).is_err());
        assert_eq!(door.login(&metadata("Basic YWRhOnMzOmNyZXQ=")).unwrap().unwrap(), "token");
        assert!(door.check(&metadata("Bearer token")).is_ok());
        let open = Door::new(None);
        assert!(open.check(&MetadataMap::new()).is_ok());
    }

    #[test]
    fn base_64() {
        assert_eq!(decode("YWRhOnMzOmNyZXQ=").unwrap(), b"ada:s3:cret");
        assert_eq!(decode("").unwrap(), b"");
        assert_eq!(decode("a*"), None);
    }
}
