//! `labels`, `label/<name>/values` and `series`.

use serde_json::json;

use crate::harness::Server;

const T: i64 = 1_700_000_000_000;

fn server() -> Server {
    let server = Server::start();
    for (name, host) in [("cpu", "a"), ("cpu", "b"), ("mem", "a")] {
        server.store(&[("__name__", name), ("host", host), ("u.v", "é\"")], &[(T, 1.0)]);
    }
    server
}

#[test]
fn names_values_and_series_are_sorted_and_complete() {
    let server = server();
    let check = || {
        assert_eq!(server.get("/api/v1/labels").data(), json!(["__name__", "host", "u.v"]));
        assert_eq!(server.get("/api/v1/label/__name__/values").data(), json!(["cpu", "mem"]));
        assert_eq!(server.get("/api/v1/label/host/values").data(), json!(["a", "b"]));
        assert_eq!(server.get("/api/v1/label/nope/values").data(), json!([]));
        for name in ["u.v", "U__u_2e_v", "u%2ev"] {
            let found = server.get(&format!("/api/v1/label/{name}/values"));
            assert_eq!(found.data(), json!(["é\""]), "{name}");
        }
        assert_eq!(
            server.get("/api/v1/series?match[]=cpu").data(),
            json!([
                {"__name__": "cpu", "host": "a", "u.v": "é\""},
                {"__name__": "cpu", "host": "b", "u.v": "é\""},
            ])
        );
    };
    check();
    server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    check();
}

#[test]
fn selectors_times_and_limits_narrow_them() {
    let server = server();
    let mem = "match[]={__name__=\"mem\"}";
    assert_eq!(server.get(&format!("/api/v1/label/host/values?{mem}")).data(), json!(["a"]));
    let both = format!("/api/v1/series?{mem}&match[]=cpu{{host=\"b\"}}");
    assert_eq!(server.get(&both).data().as_array().unwrap().len(), 2);
    let before = "/api/v1/series?match[]=cpu&end=1600000000";
    assert_eq!(server.get(before).data(), json!([]));
    let limited = server.get("/api/v1/label/host/values?limit=1");
    assert_eq!(limited.data(), json!(["a"]));
    assert_eq!(limited.json()["warnings"][0], "results truncated due to limit");
    assert!(server.get("/api/v1/label/host/values?limit=2").json()["warnings"].is_null());
    assert_eq!(
        server.post_form("/api/v1/labels", "match[]=cpu&limit=0").data().as_array().unwrap().len(),
        3
    );
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let server = server();
    for (target, words) in [
        ("/api/v1/series", "no match[] parameter"),
        ("/api/v1/series?match[]=sum(cpu)", "match[]"),
        ("/api/v1/series?match[]=%7B%7D", "match[]"),
        ("/api/v1/labels?start=x", "start"),
        ("/api/v1/labels?start=2&end=1", "before start"),
        ("/api/v1/labels?limit=many", "limit"),
        ("/api/v1/label/%ff/values", "not UTF-8"),
    ] {
        let message = server.get(target).error(400, "bad_data");
        assert!(message.contains(words), "{target}: {message}");
    }
    server.request("POST", "/api/v1/label/host/values", &[], b"").error(405, "bad_data");
}
