//! Messages of PostgreSQL's protocol that no client would send: changed, cut, repeated, out of order. Whatever comes,
//! the connection ends or goes on, and the server does neither fail nor take memory for what was only announced.
//!
//! `TIMBERLINE_POSTGRES_ROUNDS` says how many conversations are tried, `TIMBERLINE_POSTGRES_SEED` which.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use timberline_io::Random;

use crate::{harness::Server, sql_clients::address};

const ROUNDS: u64 = 400;
const PATIENCE: Duration = Duration::from_secs(30);
/// A server that says nothing for so long waits for more.
const SILENCE: Duration = Duration::from_millis(150);
/// So often it is looked whether the server is well.
const LOOK_EVERY: u64 = 50;
/// A server that has taken more has believed in a length.
const MEMORY_MAX: u64 = 600 << 20;

/// A message with its letter, if it has one, and its length.
fn message(letter: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    let letter: Vec<u8> = letter.into_iter().collect();
    [&letter[..], &length, body].concat()
}

/// What a client may say at the beginning.
fn beginnings() -> Vec<Vec<u8>> {
    let plain = b"\0\x03\0\0user\0ada\0database\0default\0\0";
    let newer = b"\x00\x03\x00\x02user\x00ada\x00database\x00default\x00_pq_.x\x001\x00\x00";
    let options = b"\0\x03\0\0user\0ada\0database\0default\0options\0-c DateStyle=ISO --a=b\0\0";
    let bodies: [&[u8]; 7] = [
        plain,
        newer,
        options,
        b"\0\x03\0\0user\0ada\0replication\0true\0\0",
        b"\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02",
        b"\x04\xd2\x16\x2f",
        b"\x04\xd2\x16\x30",
    ];
    bodies.iter().map(|body| message(None, body)).collect()
}

/// What it may say then.
fn sayings() -> Vec<Vec<u8>> {
    let bind: &[u8] = b"\0s\0\0\x01\0\x01\0\x01\0\0\0\x08\0\0\0\0\0\0\0\x07\0\x01\0\x01";
    let numeric: &[u8] =
        b"\0n\0\0\x01\0\x01\0\x01\0\0\0\x0c\0\x02\0\0\0\0\0\x02\0\x01\x13\x88\0\x01\0\x01";
    let array: &[u8] =
        b"\0a\0\0\x01\0\x01\0\x01\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0\x01\0\0\0\x01\
        \0\0\0\x08\0\0\0\0\0\0\0\x05\0\x01\0\x01";
    let bodies: [(u8, &[u8]); 28] = [
        (b'Q', b"SELECT 7\0"),
        (b'Q', b"SELECT 'x''y', $$a$$, E'\\'', \"n\"; SELECT 2;; -- end\0"),
        (b'Q', b"BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH ALL c; MOVE 2 c; CLOSE c; COMMIT\0"),
        (b'Q', b"COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, HEADER)\0"),
        (b'Q', b"SET statement_timeout = '5s'; SHOW ALL; RESET ALL; DISCARD ALL\0"),
        (b'Q', b"SELECT oid::regclass, relname FROM pg_catalog.pg_class\0"),
        (b'Q', b"\0"),
        (b'P', b"s\0SELECT $1::bigint + 1\0\0\x01\0\0\0\x14"),
        (b'P', b"n\0SELECT $1::numeric\0\0\x01\0\0\x06\xa4"),
        (b'P', b"a\0SELECT $1::bigint[]\0\0\x01\0\0\x03\xf8"),
        (b'P', b"\0\0\0\0"),
        (b'B', bind),
        (b'B', numeric),
        (b'B', array),
        (b'B', b"\0s\0\0\0\0\x01\xff\xff\xff\xff\0\0"),
        (b'D', b"Ss\0"),
        (b'D', b"P\0"),
        (b'E', b"\0\0\0\0\0"),
        (b'E', b"\0\0\0\0\x01"),
        (b'C', b"Ss\0"),
        (b'H', b""),
        (b'S', b""),
        (b'S', b""),
        (b'd', b"1\t2\n"),
        (b'c', b""),
        (b'f', b"no\0"),
        (b'p', b"SCRAM-SHA-256\0\0\0\0\x03abc"),
        (b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
    ];
    bodies.iter().map(|(letter, body)| message(Some(*letter), body)).collect()
}

/// Changes some bytes: values, lengths, the end, and what is there twice.
fn spoil(bytes: &mut Vec<u8>, chance: &mut Random) {
    for _ in 0..=chance.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = chance.up_to(bytes.len() - 1);
        match chance.below(6) {
            0 => bytes[at] = chance.bits() as u8,
            1 => bytes[at] ^= 1 << chance.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, chance.bits() as u8),
            4 => {
                let numbers = [0, 1, 3, 4, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1000_0000];
                let number: u32 = chance.pick(&numbers);
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&number.to_be_bytes()[..end - at]);
            }
            _ => {
                let end = at + chance.up_to(bytes.len() - at - 1);
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

fn conversation(chance: &mut Random) -> Vec<u8> {
    let (beginnings, sayings) = (beginnings(), sayings());
    // Most get in, so that there is something to say.
    let first = if chance.one_in(4) { chance.up_to(beginnings.len() - 1) } else { 0 };
    let mut first = beginnings[first].clone();
    if chance.one_in(6) {
        spoil(&mut first, chance);
    }
    let mut bytes = first;
    for _ in 0..chance.below(12) {
        let mut said = sayings[chance.up_to(sayings.len() - 1)].clone();
        if chance.one_in(3) {
            spoil(&mut said, chance);
        }
        bytes.extend(said);
    }
    if chance.one_in(8) {
        spoil(&mut bytes, chance);
    }
    bytes
}

/// Says all of it, and hears the answer up to its end, or up to what is waited for.
fn say(address: &str, bytes: &[u8], until: Until) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = if until == Until::Silence { SILENCE } else { PATIENCE };
    stream.set_read_timeout(Some(patience)).unwrap();
    // A server that has heard enough may close before all is sent.
    let _ = stream.write_all(bytes);
    if until == Until::End {
        // A client that has said its last words is gone: what runs for it is canceled.
        let _ = stream.shutdown(Shutdown::Write);
    }
    let (mut heard, mut piece) = (Vec::new(), [0; 65_536]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return heard,
            Ok(count) => heard.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                assert!(until == Until::Silence, "it does not end after {bytes:?}: {heard:?}");
                return heard;
            }
            Err(_) => return heard,
        }
        if until == Until::Seven && heard.windows(6).any(|bytes| bytes == b"\0\0\0\x017C") {
            return heard;
        }
    }
}

/// Up to where an answer is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    End,
    Silence,
    /// The answer to `SELECT 7`.
    Seven,
}

#[test]
fn whatever_is_said_the_server_stays_well() {
    let server = Server::start_with(&["--postgres-listen", "127.0.0.1:0"]);
    let address = address(&server, "postgres");
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let rounds = number("TIMBERLINE_POSTGRES_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("TIMBERLINE_POSTGRES_SEED").unwrap_or(1);
    for round in 0..rounds {
        let mut chance = Random::new(seed.wrapping_mul(1 << 32).wrapping_add(round));
        let said = conversation(&mut chance);
        let patient = chance.one_in(8);
        say(&address, &said, if patient { Until::Silence } else { Until::End });
        if round % LOOK_EVERY == 0 || round + 1 == rounds {
            let log = server.log();
            assert!(!log.contains("panicked"), "round {round} of seed {seed}: {log}");
            say(&address, &[&beginnings()[0][..], &sayings()[0]].concat(), Until::Seven);
            let memory = server.memory();
            assert!(memory < MEMORY_MAX, "round {round} of seed {seed}: {memory} bytes");
        }
    }
}
