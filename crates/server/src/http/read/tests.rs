//! Streams whose readers are slow, or gone.

use super::*;

#[tokio::test]
async fn a_stream_begins_with_its_first_frame_and_waits_for_its_reader() {
    let (start, started) = oneshot::channel();
    let mut answerer = Answerer { start: Some(start), frames: None };
    let task = tokio::task::spawn_blocking(move || {
        let mut sent = 0;
        while answerer.send(vec![sent]).is_ok() {
            sent += 1;
        }
        (sent, answerer.is_gone())
    });
    let Ok(Ok(Begun::Chunks(mut frames))) = started.await else { panic!("a stream") };
    assert_eq!(frames.recv().await.unwrap().unwrap(), [0].as_slice());
    assert_eq!(frames.recv().await.unwrap().unwrap(), [1].as_slice());
    drop(frames);
    let (sent, gone) = task.await.unwrap();
    assert!(gone && usize::from(sent) <= 2 + FRAMES_AHEAD + 1, "{sent} frames for nobody");
}

#[tokio::test]
async fn an_error_within_a_stream_breaks_it_off_and_one_before_is_an_answer() {
    let (start, started) = oneshot::channel();
    Answerer { start: Some(start), frames: None }.fail(ApiError::invalid("no"));
    assert!(matches!(started.await, Ok(Err(error)) if error.message() == "no"));

    let (start, started) = oneshot::channel();
    let mut answerer = Answerer { start: Some(start), frames: None };
    let task = tokio::task::spawn_blocking(move || {
        answerer.send(vec![1]).unwrap();
        answerer.fail(ApiError::invalid("the disk is gone"));
    });
    let Ok(Ok(Begun::Chunks(mut frames))) = started.await else { panic!("a stream") };
    assert!(frames.recv().await.unwrap().is_ok());
    let broken = frames.recv().await.unwrap().unwrap_err();
    assert!(broken.to_string().contains("the disk is gone"));
    task.await.unwrap();
}
