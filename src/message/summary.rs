use mailparse::dateparse;

use super::header::{Field, Fields};

/// What a listing shows of a message. Unsanitised: it comes from strangers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The Date header as seconds since 1970, where it can be read and is before the year 10000.
    pub date: Option<i64>,
    /// From, decoded.
    pub from: String,
    /// Subject, decoded.
    pub subject: String,
    /// Message-ID as written.
    pub message_id: String,
}

const YEAR_10000: i64 = 253_402_300_800;

pub(super) fn summary(fields: Fields<'_>) -> Summary {
    let [mut date, mut from, mut subject, mut message_id] = [const { None }; 4];
    for field in fields {
        for (name, place) in [
            ("date", &mut date),
            ("from", &mut from),
            ("subject", &mut subject),
            ("message-id", &mut message_id),
        ] {
            if place.is_none() && field.is(name) {
                *place = Some(decoded(&field));
            }
        }
    }
    Summary {
        // What holds no date at all is 0 to mailparse.
        date: date
            .and_then(|date| dateparse(&date).ok())
            .filter(|seconds| (1..YEAR_10000).contains(seconds)),
        from: from.unwrap_or_default(),
        subject: subject.unwrap_or_default(),
        message_id: message_id.unwrap_or_default(),
    }
}

fn decoded(field: &Field<'_>) -> String {
    let value = field
        .decode(|header| header.get_value())
        .unwrap_or_default();
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::Header;
    use super::*;

    fn summary(header: &[u8]) -> Summary {
        let mut it = Header::default();
        it.push(header);
        it.summary()
    }

    #[test]
    fn fields_are_decoded() {
        let it = summary(
            b"Date: Sun, 02 Oct 2016\n 07:06:22 -0700 (PDT)\n\
              From: =?iso-8859-1?Q?Andr=E9?= <a@x>\n\
              Subject: =?utf-8?B?w6l0w6k=?=\n =?utf-8?q?_2?= and\n\tmore \n\
              Subject: second\n\
              Message-ID:  <1@x> \n\nSubject: body\n",
        );
        let expected = Summary {
            date: Some(1_475_417_182),
            from: "André <a@x>".into(),
            subject: "été 2 and more".into(),
            message_id: "<1@x>".into(),
        };
        assert_eq!(it, expected);
    }

    #[test]
    fn raw_octets_are_read_as_utf_8_or_latin_1() {
        assert_eq!(summary("Subject: été\n\n".as_bytes()).subject, "été");
        assert_eq!(summary(b"Subject: \xE9t\xE9\n\n").subject, "été");
    }

    #[test]
    fn what_is_missing_is_empty() {
        assert_eq!(summary(b""), Summary::default());
        assert_eq!(summary(b"\nSubject: body\n"), Summary::default());
        assert_eq!(
            summary(b"Date: yesterday\nFrom\n:\n \n\n"),
            Summary::default()
        );
    }

    #[test]
    fn long_fields_are_cut_between_characters() {
        let subject = summary(format!("Subject: {}\n\n", "é".repeat(10_000)).as_bytes()).subject;
        assert!(subject.len() <= 4096 && subject.len() > 4000);
        assert!(subject.chars().all(|character| character == 'é'));
    }

    #[test]
    fn hostile_fields_take_no_time() {
        let begun = Instant::now();
        for value in ["=?", "=?utf-8?q?a?= ", "("] {
            for name in ["Subject", "From"] {
                let mut header = Header::default();
                let value = value.repeat(Header::LIMIT / value.len());
                header.push(format!("{name}: {value}").as_bytes());
                header.summary();
                header.sender();
                header.print();
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    proptest! {
        #[test]
        fn any_octets_are_read(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let it = summary(&octets);
            prop_assert!(it.subject.len() <= 2 * 4096);
        }

        #[test]
        fn any_field_is_read(value in "(=\\?|\\?=|[ -~é\n\t]|utf-8\\?[qb]\\?){0,40}", name in "(Date|From|Subject|Sender|Message-ID)") {
            let mut header = Header::default();
            header.push(format!("{name}: {value}\n\n").as_bytes());
            header.summary();
            header.sender();
            header.print();
        }

        #[test]
        fn any_date_is_read(
            day in any::<u8>(),
            month in "(Jan|FEBRUARY|dec|x)",
            year in any::<u32>(),
            time in "[0-9]{1,3}:[0-9]{1,3}(:[0-9]{1,3})?",
            zone in "([+-][0-9]{1,12}|[A-Z]{1,3})",
        ) {
            // Years of that size take mailparse a while.
            let year = year % 100_000;
            summary(format!("Date: {day} {month} {year} {time} {zone}\n\n").as_bytes());
        }
    }
}
