//! Pages of values: which codec, and the frame that all have.

use super::{
    PageError, VALUES_MAX, cursor::Cursor, decimal, decimal::Decimals, dictionary,
    dictionary::Dictionary, gorilla, linear, mantissa,
};
use crate::varint::put_uvarint;

/// How a page of values is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueCodec {
    /// The same bits over and over.
    Constant,
    /// Decimals in even steps.
    Linear,
    /// Few distinct values.
    Dictionary,
    /// Decimals of few digits as packed integers.
    Decimal,
    /// The Gorilla payload.
    Xor,
    /// Full mantissas, by pco.
    Pco,
    /// The bits as they are.
    Raw,
}

impl ValueCodec {
    /// The byte that a page of this codec begins with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Constant => 1,
            Self::Linear => 2,
            Self::Dictionary => 3,
            Self::Decimal => 4,
            Self::Xor => 5,
            Self::Pco => 6,
            Self::Raw => 7,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Constant,
            2 => Self::Linear,
            3 => Self::Dictionary,
            4 => Self::Decimal,
            5 => Self::Xor,
            6 => Self::Pco,
            7 => Self::Raw,
            _ => return None,
        })
    }
}

/// What [`encode_values`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageInfo {
    /// How.
    pub codec: ValueCodec,
    /// Values, 1 to [`VALUES_MAX`].
    pub count: usize,
    /// Bytes of the page.
    pub bytes: usize,
}

/// The slow codecs are tried when the fast ones leave more than so many bytes a value: decimals, and
/// dictionaries, of which most would be decimals if they could.
const SLOW_FROM_BYTES: usize = 3;
const SLOW_FROM_DICTIONARY_BYTES: usize = 1;

/// A slow codec is taken when it saves one in so many bytes at least.
const SLOW_SAVES_ONE_IN: usize = 16;

/// Appends a page of values, in the codec that makes it smallest; of nearly equals the one that is
/// decoded faster.
///
/// # Panics
/// When there are none or more than [`VALUES_MAX`].
pub fn encode_values(values: &[f64], bytes: &mut Vec<u8>) -> PageInfo {
    let count = values.len();
    assert!((1..=VALUES_MAX).contains(&count), "a page of {count} values");
    let start = bytes.len();
    let codec = encode_best(values, bytes);
    PageInfo { codec, count, bytes: bytes.len() - start }
}

fn encode_best(values: &[f64], bytes: &mut Vec<u8>) -> ValueCodec {
    let count = values.len();
    if is_constant(values) {
        begin(ValueCodec::Constant, count, bytes);
        bytes.extend_from_slice(&values[0].to_bits().to_le_bytes());
        return ValueCodec::Constant;
    }
    let mut best = Best { values, page: Vec::with_capacity(8 * count + 3), codec: ValueCodec::Raw };
    let mut trial = Vec::with_capacity(8 * count + 3);
    if let Some(decimals) = Decimals::of(values) {
        best.try_decimals(&decimals, &mut trial);
    }
    if (best.page.is_empty() || best.page.len() > count / 2)
        && let Some(dictionary) = Dictionary::of(values)
    {
        best.consider(ValueCodec::Dictionary, 0, &mut trial, |page| {
            dictionary.encode(page);
            Some(())
        });
    }
    let slow_from = match best.codec {
        ValueCodec::Dictionary => SLOW_FROM_DICTIONARY_BYTES,
        _ => SLOW_FROM_BYTES,
    };
    if best.page.is_empty() || best.page.len() > slow_from * count {
        best.consider(ValueCodec::Raw, 0, &mut trial, |page| {
            for value in values {
                page.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Some(())
        });
        let saves = best.page.len() / SLOW_SAVES_ONE_IN;
        best.consider(ValueCodec::Pco, saves, &mut trial, |page| mantissa::encode(values, page));
        let saves = if best.codec == ValueCodec::Pco { 0 } else { saves };
        if gorilla::least_bytes(values) + saves < best.page.len() {
            best.consider(ValueCodec::Xor, saves, &mut trial, |page| {
                gorilla::encode(values, page);
                Some(())
            });
        }
    }
    assert!(!best.page.is_empty(), "raw values decode to themselves");
    bytes.extend_from_slice(&best.page);
    best.codec
}

/// The best page so far; none while it is empty.
struct Best<'a> {
    values: &'a [f64],
    page: Vec<u8>,
    codec: ValueCodec,
}

impl Best<'_> {
    /// Keeps a page when it is at least `saves` bytes and one byte smaller, and decodes to the values.
    fn consider(
        &mut self,
        codec: ValueCodec,
        saves: usize,
        trial: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>) -> Option<()>,
    ) -> bool {
        trial.clear();
        begin(codec, self.values.len(), trial);
        if encode(trial).is_none() {
            return false;
        }
        let better = self.page.is_empty() || trial.len() + saves < self.page.len();
        if !better || !is_exact(trial, self.values) {
            return false;
        }
        std::mem::swap(&mut self.page, trial);
        self.codec = codec;
        true
    }

    fn try_decimals(&mut self, decimals: &Decimals, trial: &mut Vec<u8>) {
        let values = self.values;
        if let Some((first, step)) = decimals.arithmetic() {
            let scale = decimals.exact_scale();
            self.consider(ValueCodec::Linear, 0, trial, |page| {
                linear::encode(scale, first, step, page);
                Some(())
            });
            return;
        }
        for scale in [decimals.scale(), decimals.exact_scale()] {
            let kept = self.consider(ValueCodec::Decimal, 0, trial, |page| {
                decimals.encode(scale, values, page);
                Some(())
            });
            if kept {
                break;
            }
        }
    }
}

fn begin(codec: ValueCodec, count: usize, page: &mut Vec<u8>) {
    page.push(codec.code());
    put_uvarint(page, count as u64);
}

fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|value| value.to_bits() == values[0].to_bits())
}

fn is_exact(page: &[u8], values: &[f64]) -> bool {
    let mut decoded = [0.0; VALUES_MAX];
    read(page, VALUES_MAX, &mut decoded) == Ok(values.len())
        && values.iter().zip(&decoded).all(|(value, decoded)| value.to_bits() == decoded.to_bits())
}

/// Decodes a page of at most `count_max` values and appends them. After an error `values` is as it
/// was.
///
/// # Errors
/// Bytes that are not such a page, or that go on behind it.
pub fn decode_values(
    bytes: &[u8],
    count_max: usize,
    values: &mut Vec<f64>,
) -> Result<(), PageError> {
    let mut cursor = Cursor::new(bytes);
    let (codec, count) = read_frame(&mut cursor, count_max)?;
    let known = values.len();
    values.resize(known + count, 0.0);
    let result = read_payload(codec, cursor, &mut values[known..]);
    if result.is_err() {
        values.truncate(known);
    }
    result
}

/// Reads a page into the first entries, and returns how many.
fn read(
    bytes: &[u8],
    count_max: usize,
    values: &mut [f64; VALUES_MAX],
) -> Result<usize, PageError> {
    let mut cursor = Cursor::new(bytes);
    let (codec, count) = read_frame(&mut cursor, count_max)?;
    read_payload(codec, cursor, &mut values[..count])?;
    Ok(count)
}

fn read_frame(cursor: &mut Cursor<'_>, count_max: usize) -> Result<(ValueCodec, usize), PageError> {
    let code = cursor.byte("codec")?;
    let codec =
        ValueCodec::from_code(code).ok_or(PageError::UnknownCodec { column: "values", code })?;
    Ok((codec, cursor.count(1, count_max)?))
}

fn read_payload(
    codec: ValueCodec,
    mut cursor: Cursor<'_>,
    values: &mut [f64],
) -> Result<(), PageError> {
    match codec {
        ValueCodec::Constant => values.fill(f64::from_bits(cursor.word("value")?)),
        ValueCodec::Linear => linear::decode(&mut cursor, values)?,
        ValueCodec::Dictionary => dictionary::decode(&mut cursor, values)?,
        ValueCodec::Decimal => decimal::decode(&mut cursor, values)?,
        ValueCodec::Xor => gorilla::decode(&mut cursor, values)?,
        ValueCodec::Pco => mantissa::decode(&mut cursor, values)?,
        ValueCodec::Raw => {
            for value in values {
                *value = f64::from_bits(cursor.word("value")?);
            }
        }
    }
    cursor.end()
}
