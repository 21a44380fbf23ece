//! Any bytes as a message of PostgreSQL's protocol, the first of a connection or a later one: what our own check lets
//! pass is decoded without a panic, whatever the decoder does with what it is given.
#![no_main]

// Of a crate that has DataFusion below it, which need not be built for this.
#[path = "../../crates/postgres/src/frame.rs"]
mod frame;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use pgwire::messages::{DecodeContext, PgWireFrontendMessage, ProtocolVersion};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let length = u32::try_from(bytes.len() + 4).expect("a short input").to_be_bytes();
    let mut context = DecodeContext::new(ProtocolVersion::PROTOCOL3_0);
    context.awaiting_frontend_ssl = false;
    if kind % 4 == 0 {
        let message = [&length[..], bytes].concat();
        if frame::is_whole_first(&message) {
            let _ = PgWireFrontendMessage::decode(&mut BytesMut::from(&message[..]), &context);
        }
        return;
    }
    context.awaiting_frontend_startup = false;
    let Some((letter, body)) = bytes.split_first() else { return };
    if frame::is_whole(*letter, body) {
        let length = u32::try_from(body.len() + 4).expect("a short input").to_be_bytes();
        let message = [&[*letter][..], &length, body].concat();
        let _ = PgWireFrontendMessage::decode(&mut BytesMut::from(&message[..]), &context);
    }
});
