//! Pages of other websites.

use crate::harness::Server;

const TARGET: &str = "/api/v1/query?query=1";
const PAGE: [(&str, &str); 1] = [("Origin", "https://grafana.example")];

#[test]
fn every_page_may_read_the_api_unless_told_otherwise() {
    let server = Server::start();
    let reply = server.request("GET", TARGET, &PAGE, b"");
    reply.data();
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
    assert_eq!(server.get(TARGET).header("access-control-allow-origin"), None);
    // What is no API is not for pages.
    let metrics = server.request("GET", "/metrics", &PAGE, b"");
    assert_eq!(metrics.header("access-control-allow-origin"), None);
    // Errors are readable, too.
    let refused = server.request("GET", "/api/v1/query?query=(", &PAGE, b"");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (400, Some("*")));
}

#[test]
fn options_answers_what_a_browser_asks_first() {
    let server = Server::start();
    let headers = [PAGE[0], ("Access-Control-Request-Method", "POST")];
    for target in ["/api/v1/query_range", "/api/v1/admin/tsdb/flush"] {
        let reply = server.request("OPTIONS", target, &headers, b"");
        assert_eq!((reply.status, reply.body.as_str()), (204, ""));
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert_eq!(allowed, "Accept, Authorization, Content-Type, Origin");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(server.request("OPTIONS", "/metrics", &headers, b"").status, 405);
}

#[test]
fn only_the_pages_that_are_configured_may_read() {
    let server = Server::start_with(&["--http-cors-origin", "https?://(grafana|wiki)[.]example"]);
    let reply = server.request("GET", TARGET, &PAGE, b"");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://grafana.example"));
    assert_eq!(reply.header("vary").unwrap().to_ascii_lowercase(), "origin");
    let other = [("Origin", "https://evil.example")];
    let reply = server.request("GET", TARGET, &other, b"");
    reply.data();
    assert_eq!(reply.header("access-control-allow-origin"), None);
}
