//! Parameters of many kinds, in messages that were changed, and more of them than there may be.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray,
        NullArray, RecordBatch, StringArray, StringViewArray, TimestampNanosecondArray,
    },
    datatypes::{Int32Type, Int64Type},
    ipc::{CompressionType, writer::IpcWriteOptions},
};
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use futures_util::stream;

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn encoded(batch: RecordBatch) -> Vec<FlightData> {
    let data = FlightDataEncoderBuilder::new()
        .with_dictionary_handling(DictionaryHandling::Resend)
        .build(stream::iter([Ok(batch)]));
    block_on(data.try_collect()).unwrap()
}

fn bound(messages: Vec<FlightData>) -> Result<Vec<Vec<ScalarValue>>, Status> {
    block_on(read(stream::iter(messages.into_iter().map(Ok)), 500))
}

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let named = columns.into_iter().enumerate().map(|(at, column)| (format!("c{at}"), column));
    RecordBatch::try_from_iter(named).unwrap()
}

fn of_all_kinds() -> RecordBatch {
    let texts = [Some("a"), None, Some("a longer text than a view has place for")];
    let lists = vec![Some(vec![Some(1), None]), None, Some(vec![])];
    batch(vec![
        Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MIN)])),
        Arc::new(Float64Array::from(vec![0.5, f64::NAN, f64::INFINITY])),
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(StringViewArray::from(texts.to_vec())),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3]).with_timezone("UTC")),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>()),
        Arc::new(NullArray::new(3)),
    ])
}

#[test]
fn values_are_taken_row_by_row() {
    let rows = bound(encoded(of_all_kinds())).unwrap();
    assert_eq!((rows.len(), rows[0].len()), (3, 9));
    assert_eq!(rows[0][0], ScalarValue::Int64(Some(1)));
    assert_eq!(
        rows[2][2],
        ScalarValue::Utf8(Some("a longer text than a view has place for".into()))
    );
    assert!(rows[1][2].is_null() && rows[1][8].is_null());
    assert_eq!(bound(Vec::new()).unwrap(), Vec::<Vec<ScalarValue>>::new());
}

#[test]
fn few_bytes_that_claim_many_values_are_refused() {
    let nulls: ArrayRef = Arc::new(NullArray::new(ROWS_MAX));
    let wide = batch(vec![nulls; 500]);
    let text = "x".repeat(1 << 20);
    let keys = Int32Array::from(vec![0; ROWS_MAX]);
    let shared = DictionaryArray::new(keys, Arc::new(StringArray::from(vec![text.as_str()])));
    let surplus = batch(vec![Arc::new(NullArray::new(1)) as ArrayRef; 501]);
    let long = batch(vec![Arc::new(NullArray::new(ROWS_MAX + 1))]);
    for (batch, wanted) in [
        (wide, "256 MiB"),
        (batch(vec![Arc::new(shared)]), "256 MiB"),
        (long, "100000 rows"),
        (surplus, "501 in a row"),
    ] {
        let refused = bound(encoded(batch)).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().contains(wanted), "{refused:?}");
    }
}

#[test]
fn what_is_compressed_is_refused_before_its_length_is_believed() {
    for kind in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let Ok(options) = IpcWriteOptions::default().try_with_compression(Some(kind)) else {
            continue;
        };
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7; 1_000]));
        // Whoever has no compressor linked in has no decompressor either.
        let data = FlightDataEncoderBuilder::new()
            .with_options(options)
            .build(stream::iter([Ok(batch(vec![numbers]))]));
        let Ok(messages) = block_on(data.try_collect()) else { continue };
        let refused = bound(messages).unwrap_err();
        assert!(refused.message().contains("compressed"), "{refused:?}");
    }
}

#[test]
fn messages_that_were_changed_are_values_or_an_error() {
    let messages = encoded(of_all_kinds());
    let rounds = std::env::var("TIMBERLINE_FLIGHT_ROUNDS").ok().and_then(|text| text.parse().ok());
    let mut chance = 11_u64;
    let mut random = |below: usize| {
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(chance >> 33).unwrap() % below.max(1)
    };
    let (mut taken, mut refused) = (0_u32, 0_u32);
    for _ in 0..rounds.unwrap_or(3_000) {
        let mut changed = messages.clone();
        for _ in 0..=random(3) {
            let at = random(changed.len());
            let message = &mut changed[at];
            let mut bytes = match random(3) {
                0 => message.data_body.to_vec(),
                _ => message.data_header.to_vec(),
            };
            let is_header = bytes.len() == message.data_header.len();
            if bytes.is_empty() {
                continue;
            }
            let place = random(bytes.len());
            match random(8) {
                0 => bytes.truncate(place),
                1 => bytes[place] = 0xFF,
                2 => drop(changed.swap_remove(at)),
                _ => bytes[place] ^= 1 << random(8),
            }
            if let Some(message) = changed.get_mut(at) {
                match is_header {
                    true => message.data_header = bytes.into(),
                    false => message.data_body = bytes.into(),
                }
            }
            if changed.is_empty() {
                break;
            }
        }
        match bound(changed) {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}
