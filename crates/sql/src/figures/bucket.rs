//! Buckets of time of one width.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    physical_expr::{PhysicalExpr, ScalarFunctionExpr, expressions::Literal},
};

/// Nanoseconds of a day.
const DAY: i128 = 86_400_000_000_000;
/// The Monday on which weeks are counted from.
const FIRST_MONDAY: i64 = 4 * 86_400_000_000_000;

/// Buckets `origin + n * width`, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buckets {
    pub(super) origin: i64,
    /// At least 1.
    pub(super) width: i64,
}

impl Buckets {
    /// The number of the bucket of an instant.
    pub(super) fn number(self, ts: i64) -> i64 {
        let distance = i128::from(ts) - i128::from(self.origin);
        // A width of 1 and an origin at the other end of time: numbers do not have to be right beyond
        // being different, and saturate nowhere that time reaches with an origin within it.
        distance.div_euclid(i128::from(self.width)) as i64
    }

    /// The last instant of the bucket of an instant.
    pub(super) fn last_of(self, ts: i64) -> i64 {
        let distance = i128::from(ts) - i128::from(self.origin);
        let width = i128::from(self.width);
        let end = i128::from(self.origin) + (distance.div_euclid(width) + 1) * width - 1;
        end.min(i128::from(i64::MAX)) as i64
    }

    /// The buckets of an expression over the time column, which `is_time` knows.
    pub(super) fn of(
        expression: &Arc<dyn PhysicalExpr>,
        is_time: impl Fn(&Arc<dyn PhysicalExpr>) -> bool,
    ) -> Option<Self> {
        let call = expression.downcast_ref::<ScalarFunctionExpr>()?;
        match (call.name(), call.args()) {
            ("date_bin", [width, time]) if is_time(time) => {
                Some(Self { origin: 0, width: width_of(width)? })
            }
            ("date_bin", [width, time, origin]) if is_time(time) => {
                Some(Self { origin: nanos_of(origin)?, width: width_of(width)? })
            }
            ("date_trunc", [unit, time]) if is_time(time) && is_utc(call.return_type()) => {
                truncation(literal(unit)?.try_as_str()??)
            }
            _ => None,
        }
    }
}

/// Units that are of one length in UTC.
fn truncation(unit: &str) -> Option<Buckets> {
    let second = 1_000_000_000;
    let width = match unit.to_ascii_lowercase().as_str() {
        "second" => second,
        "minute" => 60 * second,
        "hour" => 3_600 * second,
        "day" => 86_400 * second,
        "week" => return Some(Buckets { origin: FIRST_MONDAY, width: 7 * 86_400 * second }),
        _ => return None,
    };
    Some(Buckets { origin: 0, width })
}

fn is_utc(of: &DataType) -> bool {
    match of {
        DataType::Timestamp(_, Some(zone)) => zone.as_ref() == "UTC",
        DataType::Timestamp(_, None) => true,
        _ => false,
    }
}

fn literal(expression: &Arc<dyn PhysicalExpr>) -> Option<&ScalarValue> {
    Some(expression.downcast_ref::<Literal>()?.value())
}

/// An interval without months, positive.
fn width_of(expression: &Arc<dyn PhysicalExpr>) -> Option<i64> {
    let width = match literal(expression)? {
        ScalarValue::IntervalMonthDayNano(Some(of)) if of.months == 0 => {
            i128::from(of.days) * DAY + i128::from(of.nanoseconds)
        }
        ScalarValue::IntervalDayTime(Some(of)) => {
            i128::from(of.days) * DAY + i128::from(of.milliseconds) * 1_000_000
        }
        _ => return None,
    };
    i64::try_from(width).ok().filter(|width| *width > 0)
}

fn nanos_of(expression: &Arc<dyn PhysicalExpr>) -> Option<i64> {
    match literal(expression)? {
        ScalarValue::TimestampNanosecond(Some(ts), _) => Some(*ts),
        ScalarValue::TimestampMicrosecond(Some(ts), _) => ts.checked_mul(1_000),
        ScalarValue::TimestampMillisecond(Some(ts), _) => ts.checked_mul(1_000_000),
        ScalarValue::TimestampSecond(Some(ts), _) => ts.checked_mul(1_000_000_000),
        _ => None,
    }
}
