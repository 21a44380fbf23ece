//! A power cut at any operation: a block has its final name only when it is complete.

use timberline_block::{Block, BlockError};
use timberline_io::{Disk, Fault};
use timberline_model::ErrorKind;

use crate::{
    queries::ask,
    support::{block_dir, example, new_disk, ulid, write},
};

/// Seeds per operation at which the power is cut. Set `TIMBERLINE_BLOCK_SEEDS` for more.
fn seeds() -> u64 {
    std::env::var("TIMBERLINE_BLOCK_SEEDS").map_or(4, |seeds| seeds.parse().expect("a number"))
}

fn right_answers() -> Vec<String> {
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    answers(disk.as_ref())
}

fn answers(disk: &dyn Disk) -> Vec<String> {
    let answers = ask(disk, &block_dir(ulid(1))).expect("a block with its final name opens");
    answers.into_iter().map(|answer| answer.expect("and answers")).collect()
}

fn has_final_name(disk: &dyn Disk) -> bool {
    disk.map(&block_dir(ulid(1)).join("meta.json")).is_ok()
}

#[test]
fn a_power_cut_leaves_a_whole_block_or_none() {
    let right = right_answers();
    let operations = {
        let (sim, disk) = new_disk(1);
        let before = sim.operation_count();
        write(&disk, ulid(1), &example()).unwrap();
        sim.operation_count() - before
    };
    let (mut whole, mut none) = (0, 0);
    for operation in 0..operations {
        for seed in 0..seeds() {
            let (sim, disk) = new_disk(seed * 1_000 + operation);
            sim.fail_after(operation, Fault::Crash);
            let result = write(&disk, ulid(1), &example());
            assert!(result.is_err(), "operation {operation}");
            sim.reboot();
            if has_final_name(disk.as_ref()) {
                whole += 1;
                assert_eq!(answers(disk.as_ref()), right, "operation {operation}, seed {seed}");
            } else {
                none += 1;
            }
        }
    }
    assert!(whole > 0 && none > 0, "{whole} whole, {none} without");
}

#[test]
fn a_finished_block_survives_a_power_cut() {
    let right = right_answers();
    for seed in 0..8 * seeds() {
        let (sim, disk) = new_disk(seed);
        write(&disk, ulid(1), &example()).unwrap();
        sim.crash();
        assert_eq!(answers(disk.as_ref()), right, "seed {seed}");
        Block::open(disk.as_ref(), &block_dir(ulid(1))).unwrap().verify().unwrap();
    }
}

#[test]
fn a_failing_disk_is_an_error_at_every_operation() {
    for fault in [Fault::Eio, Fault::NoSpace, Fault::EioOnSync] {
        for operation in 0..64 {
            let (sim, disk) = new_disk(operation);
            sim.fail_after(operation, fault);
            match write(&disk, ulid(1), &example()) {
                Ok(_) => break,
                Err(error) => {
                    assert!(matches!(error, BlockError::Disk { .. }), "{error}");
                    let kind = error.kind();
                    let known = matches!(kind, ErrorKind::Unavailable | ErrorKind::StorageFull);
                    assert!(known, "{error}");
                }
            }
        }
    }
}
