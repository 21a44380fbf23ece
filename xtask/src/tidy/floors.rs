//! A crate depends on lower floors only, and sockets stay on the top floor.

use std::path::Path;

use toml::{Table, Value};

use super::{Finding, Tree};

/// The floor of each package. A package that is not here has no place yet: give it one.
const FLOORS: [(&str, u8); 21] = [
    ("timberline-model", 0),
    ("timberline-codec", 1),
    ("timberline-io", 1),
    ("timberline-log", 2),
    ("timberline-block", 2),
    ("timberline-engine", 3),
    ("timberline-promql", 3),
    ("timberline-protocol", 3),
    ("timberline", 4),
    ("timberline-exchange", 5),
    ("timberline-backup", 5),
    ("timberline-promqltest", 5),
    ("timberline-sql", 5),
    ("timberline-flight", 6),
    ("timberline-postgres", 6),
    ("timberline-server", 7),
    ("timberline-collector", 7),
    ("timberline-capi", 7),
    ("xtask", 8),
    ("timberline-tests", 8),
    ("timberline-fuzz", 8),
];
/// Packages that know less than their floor would allow.
const KNOWS_ONLY: [(&str, &[&str]); 2] = [
    ("timberline-promql", &["timberline-model"]),
    ("timberline-protocol", &["timberline-model", "timberline-codec"]),
];
/// Foreign packages of the floors from which the network is reached.
const SERVER_ONLY: [&str; 8] =
    ["axum", "futures", "hyper", "hyper-util", "tokio", "tonic", "tower", "tower-http"];
const SERVER_FLOOR: u8 = 5;

/// Checks the dependencies of every package.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files("toml").filter(|(path, _)| path.ends_with("Cargo.toml"));
    manifests.flat_map(|(path, text)| check_manifest(path, text)).collect()
}

fn check_manifest(path: &Path, text: &str) -> Vec<Finding> {
    let manifest = match text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::error(path, 0, error.message())],
    };
    let Some(name) = manifest.get("package").and_then(|it| it.get("name")).and_then(Value::as_str)
    else {
        return Vec::new();
    };
    let Some(floor) = floor_of(name) else {
        return vec![Finding::error(path, 0, format!("the package `{name}` has no floor"))];
    };
    let problems = dependencies(&manifest)
        .into_iter()
        .filter_map(|(dependency, for_tests)| problem(name, floor, &dependency, for_tests));
    problems.map(|message| Finding::error(path, 0, message)).collect()
}

/// What is wrong with `name`, on `floor`, depending on `dependency`.
fn problem(name: &str, floor: u8, dependency: &str, for_tests: bool) -> Option<String> {
    if floor < SERVER_FLOOR && SERVER_ONLY.contains(&dependency) {
        return Some(format!(
            "`{name}` (floor {floor}) uses `{dependency}`, which is for floor {SERVER_FLOOR}"
        ));
    }
    let below = floor_of(dependency)?;
    // A test may look sideways, for instance at another engine to compare with, but not up.
    if below > floor || (below == floor && !for_tests) {
        return Some(format!(
            "`{name}` (floor {floor}) depends on `{dependency}` (floor {below}), which is not below it"
        ));
    }
    let known = KNOWS_ONLY.iter().find(|(package, _)| *package == name)?.1;
    if !for_tests && !known.contains(&dependency) {
        let known = known.join(", ");
        return Some(format!("`{name}` depends on `{dependency}`, but may know only {known}"));
    }
    None
}

/// The names of all dependencies, and whether only tests need them.
fn dependencies(manifest: &Table) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut tables = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    for table in tables {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let Some(listed) = table.get(kind).and_then(Value::as_table) else { continue };
            for (key, value) in listed {
                let renamed = value.get("package").and_then(Value::as_str);
                found.push((renamed.unwrap_or(key).to_owned(), kind == "dev-dependencies"));
            }
        }
    }
    found
}

fn floor_of(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(package, _)| *package == name).map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, rest: &str) -> Vec<String> {
        let manifest = format!("[package]\nname = \"{name}\"\n{rest}");
        let tree = Tree::of(&[("crates/x/Cargo.toml", &manifest)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn downward_dependencies_are_fine() {
        let dependencies = "[dependencies]\ntimberline-io.workspace = true\ncrc32c = \"1\"";
        assert_eq!(findings("timberline-log", dependencies), Vec::<String>::new());
        assert_eq!(findings("timberline-server", "[dependencies]\ntokio = \"1\""), [""; 0]);
    }

    #[test]
    fn an_upward_dependency_fails() {
        let upward =
            findings("timberline-log", "[dependencies]\ntimberline-engine.workspace = true");
        assert_eq!(upward.len(), 1);
        assert!(upward[0].contains("`timberline-log` (floor 2) depends on `timberline-engine`"));
    }

    #[test]
    fn a_dependency_on_the_same_floor_fails_outside_tests() {
        let sideways = "timberline-block.workspace = true";
        assert_eq!(findings("timberline-log", &format!("[dependencies]\n{sideways}")).len(), 1);
        assert_eq!(findings("timberline-log", &format!("[dev-dependencies]\n{sideways}")).len(), 0);
    }

    #[test]
    fn an_upward_dependency_of_tests_of_targets_or_by_another_name_fails() {
        let engine = "timberline-engine.workspace = true";
        assert_eq!(findings("timberline-io", &format!("[dev-dependencies]\n{engine}")).len(), 1);
        assert_eq!(findings("timberline-io", &format!("[build-dependencies]\n{engine}")).len(), 1);
        let target = format!("[target.'cfg(unix)'.dependencies]\n{engine}");
        assert_eq!(findings("timberline-io", &target).len(), 1);
        let renamed = "[dependencies]\nstorage = { package = \"timberline-engine\", path = \"x\" }";
        assert_eq!(findings("timberline-io", renamed).len(), 1);
    }

    #[test]
    fn languages_and_protocols_know_the_model_only() {
        let log = "[dependencies]\ntimberline-log.workspace = true";
        assert_eq!(findings("timberline-promql", log).len(), 1);
        assert_eq!(findings("timberline-protocol", log).len(), 1);
        let codec = "[dependencies]\ntimberline-codec.workspace = true";
        assert_eq!(findings("timberline-protocol", codec).len(), 0);
    }

    #[test]
    fn sockets_below_the_server_fail() {
        assert_eq!(findings("timberline", "[dependencies]\ntokio = \"1\"").len(), 1);
        assert_eq!(findings("timberline-protocol", "[dev-dependencies]\nhyper = \"1\"").len(), 1);
    }

    #[test]
    fn a_package_without_a_floor_fails() {
        assert_eq!(findings("timberline-shed", "").len(), 1);
    }
}
