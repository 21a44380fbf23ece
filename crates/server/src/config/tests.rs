//! Layers, errors and the reference page.

use std::{fs, path::Path};

use super::{reference::reference_page, *};

fn from_file(text: &str) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    fs::write(&path, text).unwrap();
    load(Some(&path), std::iter::empty(), &ConfigFlags::default())
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "t.toml"))
}

fn refusal(text: &str) -> String {
    from_file(text).unwrap_err()
}

#[test]
fn the_default_prints_as_a_file_that_reads_as_the_default() {
    let text = to_toml(&Config::default());
    assert_eq!(from_file(&text).unwrap().config, Config::default());
}

#[test]
fn every_key_is_documented_and_has_a_flag_of_its_own() {
    let mut flags = std::collections::BTreeSet::new();
    for field in fields() {
        assert!(field.doc.trim().len() > 10, "{}", field.key);
        assert!(flags.insert(&field.flag), "{}", field.key);
    }
    assert!(Config::default().get("query.timeout").is_some());
    assert!(Config::default().get("timeout").is_none());
}

#[test]
fn flags_win_over_environment_over_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    fs::write(&path, "[query]\ntimeout = \"1s\"\nsteps_max = 1_000\nlookback = \"7m\"").unwrap();
    let environment = [
        ("TIMBERLINE_QUERY_TIMEOUT".to_owned(), "2s".to_owned()),
        ("TIMBERLINE_QUERY_STEPS_MAX".to_owned(), "2000".to_owned()),
        ("TIMBERLINE_ADDR".to_owned(), "127.0.0.1:1".to_owned()),
        ("OTHER".to_owned(), String::new()),
    ];
    let flags = ConfigFlags::of(&[("query.timeout", "3s")]);
    let loaded = load(Some(&path), environment.into_iter(), &flags).unwrap();
    let got = |key| loaded.config.get(key).unwrap();
    assert_eq!(got("query.timeout"), "3s");
    assert_eq!(got("query.steps_max"), "2000");
    assert_eq!(got("query.lookback"), "7m");
    assert!(loaded.warnings.is_empty());
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_a_suggestion() {
    assert_eq!(
        refusal("listen = \"127.0.0.1:1\"\n\n[query]\n  timeuot = \"1s\""),
        "t.toml:4:3: unknown key `query.timeuot` (did you mean `query.timeout`?)"
    );
    assert!(refusal("[wirte]\nx = 1").starts_with("t.toml:1:2: unknown key `wirte`"));
    assert!(refusal("zzzzzz = 1").contains("--print-config"));
    assert!(refusal("steps_max = 1").contains("did you mean `query.steps_max`?"));
}

#[test]
fn bad_values_are_refused_with_their_place() {
    assert_eq!(
        refusal("[query]\ntimeout = 30"),
        "t.toml:2:1: query.timeout: not a valid duration: \"30\" (expected such as 5m, 1h30m, 250ms)"
    );
    assert!(refusal("[query]\nsteps_max = 0").contains("1 or more"));
    assert!(refusal("insecure = [1]").contains("found array"));
    assert!(refusal("[storage]\ndurability = \"maybe\"").contains("logged, synced"));
    assert!(refusal("listen = ").starts_with("t.toml:1:"));
}

#[test]
fn bad_flags_and_variables_are_named() {
    let flags = ConfigFlags::of(&[("write.body_size_max", "much")]);
    let error = load(None, std::iter::empty(), &flags).unwrap_err().to_string();
    assert!(error.starts_with("flag --write-body-size-max: not a size"), "{error}");
    let variable = ("TIMBERLINE_LOG_LEVEL".to_owned(), "loud".to_owned());
    let error = load(None, std::iter::once(variable), &ConfigFlags::default()).unwrap_err();
    assert!(error.to_string().contains("TIMBERLINE_LOG_LEVEL"), "{error}");
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let variable = ("TIMBERLINE_QUERY_TIMEOUTS".to_owned(), "1s".to_owned());
    let loaded = load(None, std::iter::once(variable), &ConfigFlags::default()).unwrap();
    assert!(loaded.warnings[0].contains("did you mean TIMBERLINE_QUERY_TIMEOUT?"));
}

#[test]
fn a_reachable_listener_must_be_accepted_as_insecure() {
    assert!(refusal("listen = \":8080\"").contains("--insecure"));
    assert!(from_file("listen = \":8080\"\ninsecure = true").is_ok());
}

#[test]
fn contradictions_are_refused() {
    assert!(refusal("[write]\ndecoded_size_max = \"1KiB\"").contains("write.body_size_max"));
    assert!(refusal("[write]\nbody_memory_max = \"1KiB\"").contains("write.body_size_max"));
    assert!(refusal("[storage]\nseries_max = 9999999999").contains("4294967295"));
    assert!(refusal("[http]\nhead_size_max = 1").contains("8KiB"));
    let most = i64::MAX;
    for (section, key) in [
        ("http", "connections_max"),
        ("write", "concurrent_max"),
        ("query", "concurrent_max"),
        ("query", "threads_max"),
    ] {
        let refused = refusal(&format!("[{section}]\n{key} = {most}"));
        assert!(refused.contains(&format!("{section}.{key}")), "{refused}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Some(Path::new("/nowhere.toml")), std::iter::empty(), &ConfigFlags::default());
    assert!(error.unwrap_err().to_string().contains("/nowhere.toml"));
}

#[test]
fn configuration_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = reference_page();
    if std::env::var_os("TIMBERLINE_REWRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/configuration.md is out of date: run TIMBERLINE_REWRITE_DOCS=1 cargo test -p \
         timberline-server configuration_page"
    );
}
