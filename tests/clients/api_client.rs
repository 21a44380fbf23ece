//! `prometheus-api-client`, a library of Python's, as `scripts/setup test` installs it.

use std::{path::PathBuf, process::Command};

use crate::twins::{Twins, excerpt};

/// Asks everything that the library can ask.
const SCRIPT: &str = include_str!("api_client.py");

/// A Python that has the library: that of `scripts/setup`, or the machine's own.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let installed = home.join(".cache/timberline/clients/bin/python");
    [installed, "python3".into()].into_iter().find(|python| {
        let import = ["-c", "import prometheus_api_client"];
        Command::new(python).args(import).output().is_ok_and(|ran| ran.status.success())
    })
}

#[test]
fn the_library_finds_in_timberline_what_it_finds_in_prometheus() {
    let Some(python) = python() else {
        eprintln!("skipped: prometheus-api-client is not installed (scripts/setup test does it)");
        return;
    };
    let twins = Twins::start();
    let script = twins.write_file("api_client.py", SCRIPT);
    let [ours, theirs] = twins.addresses().map(|address| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(format!("http://{address}")).arg(twins.end.to_string());
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{address}: {said}");
        String::from_utf8(ran.stdout).unwrap()
    });
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert!(ours == theirs, "ours   {}\ntheirs {}", excerpt(ours), excerpt(theirs));
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
    assert!(ours.lines().count() >= 14, "{ours}");
}
