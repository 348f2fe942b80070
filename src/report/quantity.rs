//! Numbers as people read them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `812 B`, `4.2 KiB`, `45 KiB`, `20 MiB`: powers of 1024, two digits or so.
pub(crate) fn octets(octets: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut value = octets as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(value < 9.95 && value.fract() != 0.0);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `1,204`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 message`, `1,204 messages`.
pub(crate) fn messages(number: u64) -> String {
    format!("{} message{}", count(number), plural(number))
}

/// The `s` of many.
pub(crate) fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

/// `0.3 s`, `45 s`, `3 min 12 s`, `1 h 02 min`.
pub(crate) fn duration(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let seconds = (time.as_millis() + 500) / 1000;
    if tenths < 100 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if seconds < 60 {
        format!("{seconds} s")
    } else if seconds < 3600 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60)
    }
}

/// A time to come, which nobody knows to the second: `45 s`, `3 min`, `2 h`, `4 d`.
pub(crate) fn approximately(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        ..60 => format!("{seconds} s"),
        60..5_970 => format!("{} min", (seconds + 30) / 60),
        5_970..171_000 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} d", ((seconds + 43_200) / 86_400).min(999)),
    }
}

/// Local date and minute of a time in seconds since 1970; `-` when there is no such date.
pub(crate) fn date(seconds: i64, zone: &TimeZone) -> String {
    format(seconds, zone, "%Y-%m-%d %H:%M")
}

/// Local date, likewise.
pub(crate) fn day(seconds: i64, zone: &TimeZone) -> String {
    format(seconds, zone, "%Y-%m-%d")
}

fn format(seconds: i64, zone: &TimeZone, form: &str) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "-".to_owned(),
        |time| time.to_zoned(zone.clone()).strftime(form).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (4300, "4.2 KiB"),
            (10_188, "9.9 KiB"),
            (10_200, "10 KiB"),
            (46_080, "45 KiB"),
            (1_048_000, "1023 KiB"),
            (1_048_575, "1.0 MiB"),
            (20 << 20, "20 MiB"),
            (3_565_158, "3.4 MiB"),
            (1 << 30, "1 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(octets(number), text, "{number}");
        }
    }

    #[test]
    fn counts_are_grouped() {
        for (number, text) in [
            (0, "0 messages"),
            (1, "1 message"),
            (999, "999 messages"),
            (1204, "1,204 messages"),
            (1_000_000, "1,000,000 messages"),
        ] {
            assert_eq!(messages(number), text);
        }
    }

    #[test]
    fn durations_are_short() {
        for (milliseconds, text) in [
            (0, "0.0 s"),
            (2140, "2.1 s"),
            (9_949, "9.9 s"),
            (9_960, "10 s"),
            (59_400, "59 s"),
            (59_600, "1 min 00 s"),
            (192_000, "3 min 12 s"),
            (3_720_000, "1 h 02 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn times_to_come_take_six_columns() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (200, "3 min"),
            (5_969, "99 min"),
            (5_970, "2 h"),
            (170_999, "47 h"),
            (171_000, "2 d"),
            (u64::MAX / 2, "999 d"),
        ] {
            assert_eq!(approximately(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn dates_out_of_range_are_none() {
        assert_eq!(date(0, &TimeZone::UTC), "1970-01-01 00:00");
        assert_eq!(day(1_795_306_000, &TimeZone::UTC), "2026-11-22");
        assert_eq!(date(i64::MAX, &TimeZone::UTC), "-");
        assert_eq!(date(i64::MIN, &TimeZone::UTC), "-");
    }
}
