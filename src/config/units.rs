//! Sizes and times as a person writes them.

use std::time::Duration;

/// A hundred years: beyond it a time is a slip, and arithmetic on dates stays far from its limits.
const LONGEST_AGE: u64 = 36_500 * 86_400;

/// Reads `500k`, `20M`, `1G`, `123` (powers of 1024) as octets.
///
/// # Errors
/// A sentence that shows the form.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let form = || "expected a size such as 500k, 20M, 1G, or a number of octets".to_owned();
    let (digits, unit) = split(text).ok_or_else(form)?;
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return Err(form()),
    };
    let size = number(digits).and_then(|number| number.checked_mul(1 << shift));
    match size {
        Some(0) => Err("expected a size of at least one octet".to_owned()),
        // What the journal and other programs can count: a signed 64-bit number.
        Some(size) if i64::try_from(size).is_ok() => Ok(size),
        _ => Err("this size is too large".to_owned()),
    }
}

/// Reads `14d`, `12h`, `30m`, `90s`.
///
/// # Errors
/// A sentence that shows the form.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let form = || "expected a time such as 14d, 12h, 30m, 90s".to_owned();
    let (digits, unit) = split(text).ok_or_else(form)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(form()),
    };
    number(digits)
        .and_then(|number| number.checked_mul(seconds))
        .filter(|&age| age <= LONGEST_AGE)
        .map(Duration::from_secs)
        .ok_or_else(|| "this time is too long".to_owned())
}

/// Digits, and what stands behind them.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `None`: too large, since only digits come here.
fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        let form = "expected a size such as 500k, 20M, 1G, or a number of octets";
        for (text, expected) in [
            ("123", Ok(123)),
            ("1k", Ok(1024)),
            ("500K", Ok(512_000)),
            ("20M", Ok(20_971_520)),
            ("1g", Ok(1_073_741_824)),
            ("9223372036854775807", Ok(9_223_372_036_854_775_807)),
            ("0", Err("expected a size of at least one octet")),
            ("0k", Err("expected a size of at least one octet")),
            ("9223372036854775808", Err("this size is too large")),
            ("8589934592G", Err("this size is too large")),
            ("99999999999999999999", Err("this size is too large")),
            ("", Err(form)),
            ("k", Err(form)),
            ("-1", Err(form)),
            ("+1", Err(form)),
            ("1.5M", Err(form)),
            ("1MB", Err(form)),
            ("1 M", Err(form)),
            (" 1", Err(form)),
            ("1T", Err(form)),
            ("١", Err(form)),
        ] {
            assert_eq!(parse_size(text), expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn ages() {
        let form = "expected a time such as 14d, 12h, 30m, 90s";
        for (text, expected) in [
            ("0s", Ok(0)),
            ("90s", Ok(90)),
            ("30m", Ok(1800)),
            ("12h", Ok(43_200)),
            ("14d", Ok(1_209_600)),
            ("36500d", Ok(LONGEST_AGE)),
            ("36501d", Err("this time is too long")),
            ("99999999999999999999d", Err("this time is too long")),
            ("18446744073709551615d", Err("this time is too long")),
            ("14", Err(form)),
            ("d", Err(form)),
            ("", Err(form)),
            ("14D", Err(form)),
            ("2w", Err(form)),
            ("1d2h", Err(form)),
            ("-1d", Err(form)),
        ] {
            let expected = expected.map(Duration::from_secs).map_err(str::to_owned);
            assert_eq!(parse_age(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = parse_size(&text);
            let _ = parse_age(&text);
        }

        #[test]
        fn sizes_are_powers_of_1024(number in 1u64..1_000_000_000) {
            prop_assert_eq!(parse_size(&format!("{number}")), Ok(number));
            prop_assert_eq!(parse_size(&format!("{number}k")), Ok(number << 10));
            prop_assert_eq!(parse_size(&format!("{number}M")), Ok(number << 20));
            prop_assert_eq!(parse_size(&format!("{number}G")), Ok(number << 30));
        }
    }
}
