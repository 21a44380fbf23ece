//! Event ids: all that a resume needs, as a text that means nothing to anyone else.
//!
//! Invariant: a token of another statement, or one that was changed, is refused.

use crate::SqlError;

/// What the first byte says; another one when what follows changes.
const TOKEN_KIND: u8 = 1;
const BYTES: usize = 1 + 8 + 8 + 8 + 8 + 8 + 4;

/// Where a subscription stands behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Of the statement.
    pub(super) fingerprint: u64,
    /// Everything in the log before it has been taken into account.
    pub(super) offset: u64,
    /// Of windows: those that begin before it are closed. Of rows: how many were handed out of the frame
    /// at `offset`.
    pub(super) place: i64,
    /// Of windows: the newest instant of all matching samples.
    pub(super) newest: i64,
    /// Late samples so far.
    pub(super) late: u64,
}

impl Token {
    pub(super) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(TOKEN_KIND);
        bytes.extend_from_slice(&self.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.place.to_le_bytes());
        bytes.extend_from_slice(&self.newest.to_le_bytes());
        bytes.extend_from_slice(&self.late.to_le_bytes());
        let sum = (fingerprint(&bytes) as u32).to_le_bytes();
        bytes.extend_from_slice(&sum);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn decode(text: &str, statement: u64) -> Result<Self, SqlError> {
        let bytes = bytes_of(text)
            .filter(|bytes| {
                let (body, sum) = bytes.split_at(BYTES - 4);
                (fingerprint(body) as u32).to_le_bytes() == sum
            })
            .ok_or_else(|| refused("it is not an id of an event, or was cut or changed"))?;
        if bytes[0] != TOKEN_KIND {
            return Err(refused("it was made by another version of Timberline"));
        }
        let number = |index: usize| {
            let at = 1 + index * 8;
            u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]))
        };
        let token = Self {
            fingerprint: number(0),
            offset: number(1),
            place: number(2) as i64,
            newest: number(3) as i64,
            late: number(4),
        };
        if token.fingerprint != statement {
            return Err(refused("it belongs to another statement"));
        }
        Ok(token)
    }
}

fn bytes_of(text: &str) -> Option<[u8; BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != BYTES * 2 {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

fn refused(why: &str) -> SqlError {
    SqlError::Statement {
        message: format!("the event id to resume from cannot be used: {why}"),
        position: None,
    }
}

/// FNV-1a, 64 bits: stable across versions and machines.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
