//! Parts of a date in UTC, from seconds since the Unix epoch.

const DAY_SECONDS: f64 = 86_400.0;
/// Beyond this many days the year no longer fits the arithmetic; nobody means such dates.
const DAYS_MAX: f64 = 1e12;

/// A day of the proleptic Gregorian calendar.
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// Days since the epoch; `None` for what is no time.
fn days(seconds: f64) -> Option<i64> {
    let days = (seconds.trunc() / DAY_SECONDS).floor();
    (days.abs() < DAYS_MAX).then_some(days as i64)
}

/// The date of a day, counting years from March so that the leap day comes last.
fn date(days: i64) -> Date {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Date { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn of_date(seconds: f64, part: impl Fn(Date) -> i64) -> f64 {
    days(seconds).map_or(f64::NAN, |days| part(date(days)) as f64)
}

/// The year.
pub(super) fn year(seconds: f64) -> f64 {
    of_date(seconds, |date| date.year)
}

/// 1 for January to 12.
pub(super) fn month(seconds: f64) -> f64 {
    of_date(seconds, |date| date.month)
}

/// 1 to 31.
pub(super) fn day_of_month(seconds: f64) -> f64 {
    of_date(seconds, |date| date.day)
}

/// 28 to 31.
pub(super) fn days_in_month(seconds: f64) -> f64 {
    of_date(seconds, |date| month_days(date.year, date.month))
}

/// 1 to 366.
pub(super) fn day_of_year(seconds: f64) -> f64 {
    of_date(seconds, |date| {
        (1..date.month).map(|month| month_days(date.year, month)).sum::<i64>() + date.day
    })
}

/// 0 for Sunday to 6.
pub(super) fn day_of_week(seconds: f64) -> f64 {
    days(seconds).map_or(f64::NAN, |days| (days + 4).rem_euclid(7) as f64)
}

/// 0 to 23.
pub(super) fn hour(seconds: f64) -> f64 {
    days(seconds).map_or(f64::NAN, |_| (seconds.trunc().rem_euclid(DAY_SECONDS) / 3_600.0).floor())
}

/// 0 to 59.
pub(super) fn minute(seconds: f64) -> f64 {
    days(seconds).map_or(f64::NAN, |_| (seconds.trunc().rem_euclid(3_600.0) / 60.0).floor())
}

/// A time as `1970-01-01T00:00:00Z`.
pub(super) fn date_time(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let Date { year, month, day } = date(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_known_dates() {
        let leap_day = 1_456_704_000.0 + 13.0 * 3_600.0 + 37.0 * 60.0; // 2016-02-29 13:37 UTC
        assert_eq!(
            [year, month, day_of_month, days_in_month, day_of_year, day_of_week, hour, minute]
                .map(|part| part(leap_day)),
            [2016.0, 2.0, 29.0, 29.0, 60.0, 1.0, 13.0, 37.0]
        );
    }

    #[test]
    fn times_are_written_as_in_rfc_3339() {
        assert_eq!(date_time(1_456_753_045), "2016-02-29T13:37:25Z");
        assert_eq!(date_time(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn dates_before_the_epoch() {
        assert_eq!((year(-1.0), month(-1.0), day_of_month(-1.0)), (1969.0, 12.0, 31.0));
        assert_eq!((hour(-1.0), minute(-1.0), day_of_week(-1.0)), (23.0, 59.0, 3.0));
    }

    #[test]
    fn parts_of_a_second_are_cut_off_toward_the_epoch() {
        assert_eq!((hour(-0.19), minute(-0.19), day_of_month(-0.19)), (0.0, 0.0, 1.0));
        assert_eq!((hour(-1.9), minute(-1.9)), (23.0, 59.0));
    }

    #[test]
    fn what_is_no_time_has_no_parts() {
        for value in [f64::NAN, f64::INFINITY, 1e300] {
            assert!(year(value).is_nan() && hour(value).is_nan());
        }
    }
}
