//! Deaths at named steps.

use super::*;
use crate::FailPoint;

fn at(text: &str) -> FailPoint {
    text.parse().unwrap()
}

#[test]
fn a_process_dies_at_a_point_and_its_page_cache_stays() {
    let disk = SimDisk::new(1);
    let process = disk.as_process();
    let file = process.create(path("a"), 0).unwrap();
    file.write_all_at(b"cached", 0).unwrap();
    disk.die_at(at("change.two"), Death::Killed);
    process.reach("change.one");
    assert!(process.list(path("")).is_ok(), "it lives on");
    process.reach("change.two");
    assert!(process.list(path("")).is_err(), "it is dead");
    process.reach("change.three");
    assert_eq!(disk.take_points(), ["change.one", "change.two"], "the dead reach nothing");
    assert_eq!(disk.read(path("a")).unwrap(), b"cached");
}

#[test]
fn the_power_goes_at_a_point_and_what_was_synced_stays() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        drop(durable_file(&disk, "kept", b"safe"));
        disk.die_at(at("change.one:2"), Death::PowerCut);
        disk.reach("change.one");
        assert!(disk.read(path("kept")).is_ok());
        disk.reach("change.one");
        assert!(disk.read(path("kept")).is_err(), "without power nothing can be read");
        disk.reboot();
        assert_eq!(disk.read(path("kept")).unwrap(), b"safe");
        disk.reach("change.one");
        disk.reach("change.one");
        assert!(disk.read(path("kept")).is_ok(), "it strikes once");
    }
}

#[test]
fn deaths_are_forgotten_with_the_faults() {
    let disk = SimDisk::new(1);
    disk.die_at(at("change.one"), Death::Killed);
    disk.clear_faults();
    let process = disk.as_process();
    process.reach("change.one");
    assert!(process.list(path("")).is_ok());
}
