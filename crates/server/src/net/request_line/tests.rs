//! What is rewritten, and above all what is not.

use super::*;

/// What passes when the bytes arrive in pieces of the given size.
fn rewritten(bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut lines = RequestLines::new();
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        loop {
            let passed = lines.pass(rest);
            out.extend_from_slice(&rest[..passed]);
            match rest.get(passed) {
                Some(byte) => percent_encode(*byte, &mut out),
                None => break,
            }
            rest = &rest[passed + 1..];
        }
    }
    out
}

fn check(input: &str, expected: &str) {
    for piece in [1, 2, 3, 7, input.len()] {
        let got = rewritten(input.as_bytes(), piece);
        assert_eq!(String::from_utf8_lossy(&got), expected, "in pieces of {piece}");
    }
}

fn check_unchanged(input: &str) {
    check(input, input);
}

#[test]
fn illegal_bytes_of_the_target_are_encoded_and_legal_ones_are_not() {
    check(
        "GET /q?a={__name__=\"cpu\"}&b=%22+é HTTP/1.1\r\nHost: \"x\"\r\n\r\n",
        "GET /q?a=%7B__name__=%22cpu%22%7D&b=%22+%C3%A9 HTTP/1.1\r\nHost: \"x\"\r\n\r\n",
    );
    check_unchanged("GET /q?a=b~c!$'()*+,;:@/?[] HTTP/1.1\r\n\r\n");
}

#[test]
fn the_next_request_of_the_connection_is_rewritten_too() {
    check(
        "GET /\" HTTP/1.1\r\n\r\nGET /< HTTP/1.1\nHost: h\n\n\r\nGET /> HTTP/1.0\r\n\r\n",
        "GET /%22 HTTP/1.1\r\n\r\nGET /%3C HTTP/1.1\nHost: h\n\n\r\nGET /%3E HTTP/1.0\r\n\r\n",
    );
}

#[test]
fn bodies_pass_unchanged_and_the_request_after_them_is_found() {
    check(
        "POST /w HTTP/1.1\r\ncontent-LENGTH: 14 \r\n\r\nGET /\" HTTP/1.GET /\" HTTP/1.1\r\n\r\n",
        "POST /w HTTP/1.1\r\ncontent-LENGTH: 14 \r\n\r\nGET /\" HTTP/1.GET /%22 HTTP/1.1\r\n\r\n",
    );
}

#[test]
fn chunked_bodies_pass_unchanged_and_the_request_after_them_is_found() {
    let head = "POST /w HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = "A;x=\"\r\nGET /\"\r\n\r\n\r\n1 \r\n\"\r\n0\r\nTrailer: \"\r\n\r\n";
    check(
        &format!("{head}{body}GET /\" HTTP/1.1\r\n\r\n"),
        &format!("{head}{body}GET /%22 HTTP/1.1\r\n\r\n"),
    );
}

#[test]
fn whatever_is_not_understood_passes_unchanged_for_good() {
    let next = "GET /\" HTTP/1.1\r\n\r\n";
    for head in [
        "PRI * HTTP/2.0\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "get / HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "GET /\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    ] {
        check_unchanged(&format!("{head}{next}"));
    }
}

#[test]
fn long_headers_pass_unchanged_and_do_not_confuse() {
    let long = "x".repeat(5_000);
    check(
        &format!("GET / HTTP/1.1\r\nCookie: {long}\r\n{long}: y\r\n\r\nGET /\" HTTP/1.1\r\n\r\n"),
        // A header whose name alone is too long to be read is not understood.
        &format!("GET / HTTP/1.1\r\nCookie: {long}\r\n{long}: y\r\n\r\nGET /\" HTTP/1.1\r\n\r\n"),
    );
    check(
        &format!("GET / HTTP/1.1\r\nCookie: {long}\r\n\r\nGET /\" HTTP/1.1\r\n\r\n"),
        &format!("GET / HTTP/1.1\r\nCookie: {long}\r\n\r\nGET /%22 HTTP/1.1\r\n\r\n"),
    );
}
