//! Pieces written at a pace, and pieces that must not wait for ever.

use std::time::{Duration, Instant};

use timberline_io::SimDisk;

use super::*;

fn write_pieces(throttle: &Arc<Throttle>, pieces: usize, bytes: usize) -> Duration {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
    let throttled = ThrottledDisk::new(&disk, throttle);
    let file = throttled.create(Path::new("a"), 0).unwrap();
    let begun = Instant::now();
    for piece in 0..pieces {
        file.write_all_at(&vec![7; bytes], (piece * bytes) as u64).unwrap();
    }
    assert_eq!(disk.read(Path::new("a")).unwrap(), vec![7; pieces * bytes]);
    begun.elapsed()
}

#[test]
fn bytes_are_written_no_faster_than_the_rate() {
    let throttle = Arc::new(Throttle::new(Some(1 << 20)));
    // 512 KiB at 1 MiB a second; the first bytes may come in a burst.
    let took = write_pieces(&throttle, 8, 64 << 10);
    assert!(took >= Duration::from_millis(250), "{took:?}");
}

#[test]
fn busy_writers_slow_a_compaction_down_and_do_not_stop_it() {
    let throttle = Arc::new(Throttle::new(None));
    let _busy = throttle.write();
    let took = write_pieces(&throttle, 8, 256 << 10);
    assert!(took < 9 * REST_MAX + Duration::from_secs(5), "{took:?}");
    assert!(throttle.pace.lock().rested.is_some());
}

#[test]
fn a_lifted_rate_and_a_closed_engine_end_every_rest() {
    for lift in [|throttle: &Throttle| throttle.set_rate(None), Throttle::end] {
        let throttle = Arc::new(Throttle::new(Some(1)));
        let slow = Arc::clone(&throttle);
        let writer = thread::spawn(move || write_pieces(&slow, 2, 64 << 10));
        lift(&throttle);
        // At a byte a second this would take a day.
        assert!(writer.join().unwrap() < Duration::from_secs(60));
    }
}

#[test]
fn a_large_file_is_synced_in_pieces() {
    let disk = SimDisk::new(1);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let throttled = ThrottledDisk::new(&shared, &Arc::new(Throttle::new(None)));
    let file = throttled.create(Path::new("a"), 0).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    file.write_all_at(&vec![1; SYNC_BYTES as usize], 0).unwrap();
    file.write_all_at(&[2; 100], SYNC_BYTES).unwrap();
    disk.crash();
    let kept = disk.read(Path::new("a")).unwrap();
    assert!(
        kept[..SYNC_BYTES as usize].iter().all(|byte| *byte == 1),
        "the first piece is durable"
    );
}
