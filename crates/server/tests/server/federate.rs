//! `/federate`, read by another Prometheus.

use crate::harness::{Server, now_ms};

const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

fn server() -> (Server, i64) {
    let server = Server::start();
    let now = now_ms();
    for (labels, samples) in [
        (
            &[("__name__", "up"), ("instance", "a"), ("job", "x")][..],
            vec![(now - 60_000, 0.0), (now - 30_000, 1.0)],
        ),
        (&[("__name__", "up"), ("job", "y\"z")], vec![(now - 30_000, 1_234_567.5)]),
        (&[("__name__", "up"), ("job", "old")], vec![(now - 301_000, 1.0)]),
        (&[("__name__", "up"), ("job", "ended")], vec![(now - 30_000, 1.0), (now - 15_000, STALE)]),
        (&[("__name__", "disk.free"), ("job", "x")], vec![(now - 10_000, 2.5)]),
    ] {
        server.store(labels, &samples);
    }
    (server, now)
}

#[test]
fn the_newest_samples_keep_their_times() {
    let (server, now) = server();
    let reply = server.get("/federate?match[]=up&match[]={job=\"x\"}");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let expected = format!(
        "# TYPE disk_free untyped\n\
         disk_free{{job=\"x\",instance=\"\"}} 2.5 {}\n\
         # TYPE up untyped\n\
         up{{instance=\"a\",job=\"x\"}} 1 {t}\n\
         up{{job=\"y\\\"z\",instance=\"\"}} 1.2345675e+06 {t}\n",
        now - 10_000,
        t = now - 30_000,
    );
    assert_eq!(reply.body, expected);
    server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    assert_eq!(server.get("/federate?match[]=up&match[]={job=\"x\"}").body, expected);
}

#[test]
fn names_are_written_as_the_scraper_reads_them() {
    let (server, _) = server();
    let accept = [("Accept", "text/plain;version=1.0.0;escaping=allow-utf-8")];
    let reply = server.request("GET", "/federate?match[]={\"disk.free\"}", &accept, b"");
    assert!(reply.body.starts_with("# TYPE \"disk.free\" untyped\n{\"disk.free\",job=\"x\""));
    let accept = [("Accept", "text/plain;escaping=values")];
    let reply = server.request("GET", "/federate?match[]={\"disk.free\"}", &accept, b"");
    assert!(reply.body.starts_with("# TYPE U__disk_2e_free untyped\n"), "{}", reply.body);
}

#[test]
fn nothing_asked_is_nothing_answered_and_nonsense_is_refused() {
    let (server, _) = server();
    let reply = server.get("/federate");
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    assert!(server.get("/federate?match[]=sum(up)").error(400, "bad_data").contains("match[]"));
}
