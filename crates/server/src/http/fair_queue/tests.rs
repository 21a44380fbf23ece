//! Turns, giving up, and places that nobody loses.

use std::{net::IpAddr, pin::pin, task::Poll};

use tokio::task::yield_now;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn client(number: u8) -> Client {
    Client(IpAddr::from([10, 0, 0, number]))
}

#[tokio::test]
async fn who_waits_is_called_in_turns_of_clients() {
    let queue = FairQueue::new(1, 100);
    let held = queue.enter(client(1), HOUR).await.unwrap();
    let (report, mut order) = tokio::sync::mpsc::unbounded_channel();
    // The first client asks for much before others ask for little.
    for (asker, name) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (2, "b2")] {
        let (queue, report) = (queue.clone(), report.clone());
        tokio::spawn(async move {
            let place = queue.enter(client(asker), HOUR).await.unwrap();
            report.send(name).unwrap();
            drop(place);
        });
        yield_now().await;
    }
    drop((held, report));
    let mut called = Vec::new();
    while let Some(name) = order.recv().await {
        called.push(name);
    }
    assert_eq!(called, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    assert_eq!(queue.lock().free, 1);
}

#[tokio::test]
async fn who_goes_away_or_is_late_leaves_the_queue() {
    let queue = FairQueue::new(1, 2);
    let held = queue.enter(client(1), HOUR).await.unwrap();
    assert_eq!(queue.enter(client(2), Duration::ZERO).await.unwrap_err(), NoPlace::Late);
    {
        let mut waits = pin!(queue.enter(client(2), HOUR));
        let polled = std::future::poll_fn(|context| Poll::Ready(waits.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        assert_eq!(queue.lock().waiting_count, 1);
    }
    let places = queue.lock();
    assert_eq!((places.waiting_count, places.turns.len(), places.waiting.len()), (0, 0, 0));
    drop(places);
    drop(held);
    assert_eq!(queue.lock().free, 1);
}

#[tokio::test]
async fn a_place_called_for_one_that_is_gone_goes_back() {
    let queue = FairQueue::new(1, 2);
    let held = queue.enter(client(1), HOUR).await.unwrap();
    {
        let mut waits = pin!(queue.enter(client(2), HOUR));
        let polled = std::future::poll_fn(|context| Poll::Ready(waits.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        // It is called, and goes away before it hears of it.
        drop(held);
        assert_eq!(queue.lock().free, 0);
    }
    assert_eq!(queue.lock().free, 1);
}

#[tokio::test]
async fn too_many_that_wait_are_turned_away() {
    let queue = FairQueue::new(0, 1);
    let mut waits = pin!(queue.enter(client(1), HOUR));
    let polled = std::future::poll_fn(|context| Poll::Ready(waits.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    assert_eq!(queue.enter(client(2), HOUR).await.unwrap_err(), NoPlace::Crowded);
}
