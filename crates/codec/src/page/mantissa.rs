//! Values with full mantissas, by the crate `pco`.

use pco::{
    ChunkConfig, DeltaSpec, ModeSpec,
    errors::PcoError,
    metadata::DeltaEncoding,
    wrapped::{FileCompressor, FileDecompressor},
};

use super::{PageError, cursor::Cursor};

/// Of pco's levels: higher ones make pages of this size hardly smaller and take longer.
const LEVEL: usize = 4;

/// Writes the values; `None` when pco refuses, and then anything may have been appended.
pub(super) fn encode(values: &[f64], bytes: &mut Vec<u8>) -> Option<()> {
    write(values, bytes).ok()
}

fn write(values: &[f64], bytes: &mut Vec<u8>) -> Result<(), PcoError> {
    // Left to itself pco tries several kinds of deltas, which takes as long again.
    let delta = if moves_slowly(values) { DeltaSpec::TryConsecutive(1) } else { DeltaSpec::NoOp };
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(mode(values))
        .with_delta_spec(delta);
    let file = FileCompressor::default();
    file.write_header(&mut *bytes)?;
    let mut chunk = file.chunk_compressor(values, &config)?;
    chunk.write_meta(&mut *bytes)?;
    chunk.write_page(0, &mut *bytes)?;
    Ok(())
}

/// Decimal digits that values are tried for.
const DIGITS_MAX: i32 = 9;

/// Values that are looked at for being near to decimals.
const SAMPLES: usize = 24;

/// How many floats may lie between a value and the decimal that it is near to.
const NEAR: u64 = 1 << 10;

/// Sums of decimals are near to decimals without being any. pco stores how far they are off, if told
/// which decimals; what else there is it finds by itself.
fn mode(values: &[f64]) -> ModeSpec {
    let samples = || values.iter().step_by(values.len().div_ceil(SAMPLES));
    let is_near = |value: f64, power: f64| {
        let near = (value * power).round_ties_even() / power;
        near.to_bits().abs_diff(value.to_bits()) <= NEAR
    };
    let most = samples().count() * 7 / 8;
    (2..=DIGITS_MAX)
        .map(|digits| 10_f64.powi(digits))
        .find(|power| samples().filter(|value| is_near(**value, *power)).count() > most)
        .map_or(ModeSpec::Auto, |power| ModeSpec::TryFloatMult(1.0 / power))
}

/// Whether values are nearer to the one before than to their mean.
fn moves_slowly(values: &[f64]) -> bool {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let mean = finite().sum::<f64>() / finite().count().max(1) as f64;
    let from_mean: f64 = finite().map(|value| (value - mean).abs()).sum();
    let steps = finite().skip(1).zip(finite());
    let from_before: f64 = steps.map(|(value, before)| (value - before).abs()).sum();
    from_before < from_mean
}

pub(super) fn decode(cursor: &mut Cursor<'_>, values: &mut [f64]) -> Result<(), PageError> {
    let reason = |error: PcoError| PageError::Pco { reason: error.to_string() };
    let (file, rest) = FileDecompressor::new(cursor.remaining()).map_err(reason)?;
    let (mut chunk, rest) = file.chunk_decompressor::<f64, _>(rest).map_err(reason)?;
    // A writer of ours uses neither; the windows of one would be allocated as the bytes say.
    if matches!(
        chunk.meta().delta_encoding,
        DeltaEncoding::Lookback { .. } | DeltaEncoding::Conv1(_)
    ) {
        let reason = "delta encoding that pages do not use".to_owned();
        return Err(PageError::Pco { reason });
    }
    let mut page = chunk.page_decompressor(rest, values.len()).map_err(reason)?;
    let progress = page.read(values).map_err(reason)?;
    if progress.n_processed < values.len() {
        return Err(PageError::Cut { field: "pco payload" });
    }
    Cursor::new(page.into_src()).end()
}
