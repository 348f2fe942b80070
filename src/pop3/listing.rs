use std::fmt;

use super::MessageNumber;
use super::connection::Connection;
use super::error::Error;
use super::reply::Status;
use super::wire::Wire;

/// The longest unique-id that is kept; RFC 1939 section 7 allows 70 octets.
const UID: usize = 16 * 1024;

/// The most messages a maildrop may list.
const MESSAGES: usize = 4_000_000;

/// So many messages may have come between UIDL and LIST. Where LIST has more beyond the end of UIDL, the server lists
/// unique-ids badly, and its messages are known by other means.
const NEWCOMERS: usize = 8;

/// So much room all unique-ids have beyond the 70 octets that the RFC gives each.
const UID_ROOM: usize = 16 * 1024 * 1024;

/// One line of the maildrop: number, size, unique-id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan<'a> {
    /// Message number.
    pub number: MessageNumber,
    /// Octets by LIST: a hint, never a read length; `None` when LIST did not give one.
    pub octets: Option<u64>,
    /// The unique-id as sent; `None` without a usable one (empty, not listed, longer than 16 KiB). Unsanitised.
    pub uid: Option<&'a [u8]>,
}

/// The maildrop as UIDL and LIST gave it, ascending by number; compact: unique-ids share one buffer.
#[derive(Clone, Default)]
pub struct Listing {
    /// UIDL was answered with a listing (false: refused or not offered).
    pub has_uids: bool,
    entries: Vec<Entry>,
    uids: Vec<u8>,
}

/// 24 octets a message: there may be a million of them.
#[derive(Debug, Clone, Copy)]
struct Entry {
    number: MessageNumber,
    /// Where the unique-id begins.
    uid_at: u32,
    /// By LIST; `UNKNOWN` without.
    octets: u64,
    /// 0 without a unique-id.
    uid_length: u16,
    /// LIST had a line for it.
    listed: bool,
}

const UNKNOWN: u64 = u64::MAX;

impl Listing {
    /// How many messages.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No message at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The line at a position (0-based, not the message number).
    pub fn get(&self, index: usize) -> Option<Scan<'_>> {
        self.entries.get(index).map(|entry| self.scan(entry))
    }

    /// All lines, ascending by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Scan<'_>> {
        self.entries.iter().map(|entry| self.scan(entry))
    }

    /// A listing without a line yet.
    pub fn new(has_uids: bool) -> Self {
        Self {
            has_uids,
            ..Self::default()
        }
    }

    /// Adds a line; for tests and for fingerprints in place of unique-ids. Lines are kept ascending.
    pub fn push(&mut self, number: MessageNumber, octets: Option<u64>, uid: Option<&[u8]>) {
        let (uid_at, uid_length) = self.keep(uid.unwrap_or_default());
        let entry = Entry {
            number,
            uid_at,
            octets: octets.unwrap_or(UNKNOWN),
            uid_length,
            listed: octets.is_some(),
        };
        let at = self.entries.partition_point(|other| other.number < number);
        self.entries.insert(at, entry);
    }

    fn scan(&self, entry: &Entry) -> Scan<'_> {
        let start = entry.uid_at as usize;
        let uid = self.uids.get(start..start + usize::from(entry.uid_length));
        Scan {
            number: entry.number,
            octets: (entry.octets != UNKNOWN).then_some(entry.octets),
            uid: uid.filter(|uid| !uid.is_empty()),
        }
    }

    /// Where a unique-id stands from now on, and its length; nowhere when it cannot be kept.
    fn keep(&mut self, uid: &[u8]) -> (u32, u16) {
        match (u32::try_from(self.uids.len()), u16::try_from(uid.len())) {
            (Ok(at), Ok(length)) if uid.len() <= UID => {
                self.uids.extend_from_slice(uid);
                (at, length)
            }
            _ => (0, 0),
        }
    }
}

impl PartialEq for Listing {
    /// By lines, however their unique-ids are stored.
    fn eq(&self, other: &Self) -> bool {
        self.has_uids == other.has_uids && self.iter().eq(other.iter())
    }
}

impl Eq for Listing {}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("has_uids", &self.has_uids)
            .field("lines", &self.iter().collect::<Vec<_>>())
            .finish()
    }
}

/// Joins the replies to UIDL and LIST by message number. UIDL comes first.
#[derive(Debug, Default)]
pub(super) struct Join {
    listing: Listing,
    /// Of the entries so many came by UIDL: they are ascending, those behind are LIST's own.
    by_uidl: usize,
    /// The entry that LIST's next line is most likely about.
    next: usize,
}

impl Join {
    /// Reads the reply to UIDL; false when it was refused.
    pub(super) fn uidl<S: Wire>(&mut self, connection: &mut Connection<S>) -> Result<bool, Error> {
        if !connection.status_before_lines()?.ok {
            return Ok(false);
        }
        while let Some(line) = connection.line()? {
            self.uidl_line(line)?;
        }
        self.listing.has_uids = true;
        self.sort()?;
        self.by_uidl = self.listing.len();
        Ok(true)
    }

    /// Reads the reply to LIST, which may be a refusal.
    pub(super) fn list<S: Wire>(
        &mut self,
        connection: &mut Connection<S>,
    ) -> Result<Status, Error> {
        let status = connection.status_before_lines()?;
        if status.ok {
            while let Some(line) = connection.line()? {
                self.list_line(line)?;
            }
        }
        Ok(status)
    }

    /// The listing, when both replies were read. Messages that came between them are left out: the next session has
    /// their unique-ids, and by anything else they would be known twice.
    pub(super) fn finish(mut self) -> Result<Listing, Error> {
        let last = self.listing.entries[..self.by_uidl].last();
        let last = last.map(|entry| entry.number);
        self.sort()?;
        if let Some(last) = last {
            let entries = &mut self.listing.entries;
            let known = entries.partition_point(|entry| entry.number <= last);
            if entries.len() - known <= NEWCOMERS {
                entries.truncate(known);
            }
        }
        self.listing.entries.shrink_to_fit();
        self.listing.uids.shrink_to_fit();
        Ok(self.listing)
    }

    /// `number unique-id`. The unique-id is all that follows, less blanks at its end: some servers put blanks
    /// or 8-bit octets in it.
    fn uidl_line(&mut self, line: &[u8]) -> Result<(), Error> {
        let (number, uid) = number_and_rest(line)?;
        let (uid_at, uid_length) = self.listing.keep(uid);
        if self.listing.uids.len() > UID_ROOM + 70 * self.listing.len() {
            return Err(too_large(line));
        }
        self.add(
            line,
            Entry {
                number,
                uid_at,
                octets: UNKNOWN,
                uid_length,
                listed: false,
            },
        )
    }

    /// `number octets`, and what a server likes to add.
    fn list_line(&mut self, line: &[u8]) -> Result<(), Error> {
        let (number, rest) = number_and_rest(line)?;
        let size = rest.split(|octet| is_blank(*octet)).next();
        let octets = size.and_then(decimal).unwrap_or(UNKNOWN);
        let by_uidl = &mut self.listing.entries[..self.by_uidl];
        let at = match by_uidl.get(self.next) {
            Some(entry) if entry.number == number => Some(self.next),
            _ => by_uidl
                .binary_search_by_key(&number, |entry| entry.number)
                .ok(),
        };
        let Some(at) = at else {
            return self.add(
                line,
                Entry {
                    number,
                    uid_at: 0,
                    octets,
                    uid_length: 0,
                    listed: true,
                },
            );
        };
        self.next = at + 1;
        let entry = &mut by_uidl[at];
        if entry.listed {
            return Err(twice(line));
        }
        entry.octets = octets;
        entry.listed = true;
        Ok(())
    }

    fn add(&mut self, line: &[u8], entry: Entry) -> Result<(), Error> {
        if self.listing.len() == MESSAGES {
            return Err(too_large(line));
        }
        // At once, where it is the same line over and over; in whatever order else, when all is read.
        let last = self.listing.entries.last();
        if last.is_some_and(|last| last.number == entry.number) {
            return Err(twice(line));
        }
        self.listing.entries.push(entry);
        Ok(())
    }

    fn sort(&mut self) -> Result<(), Error> {
        // Next to nothing for what is ascending already.
        let entries = &mut self.listing.entries;
        entries.sort_unstable_by_key(|entry| entry.number);
        match entries
            .windows(2)
            .find(|pair| pair[0].number == pair[1].number)
        {
            Some(pair) => Err(twice(pair[0].number.to_string().as_bytes())),
            None => Ok(()),
        }
    }
}

fn is_blank(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

/// A listing's line: its message number, and what follows without the blanks around it.
fn number_and_rest(line: &[u8]) -> Result<(MessageNumber, &[u8]), Error> {
    let text = trim_blanks(line);
    let end = text
        .iter()
        .position(|octet| is_blank(*octet))
        .unwrap_or(text.len());
    match decimal(&text[..end]).map(MessageNumber::try_from) {
        Some(Ok(number)) if number > 0 => Ok((number, trim_blanks(&text[end..]))),
        _ => Err(Error::protocol(
            "a line of the server's listing has no message number",
            line,
        )),
    }
}

fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

/// Digits and nothing else, not beyond what a `u64` holds.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, octet| {
        let digit = char::from(*octet).to_digit(10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn twice(line: &[u8]) -> Error {
    Error::protocol("the server lists a message number twice", line)
}

fn too_large(line: &[u8]) -> Error {
    Error::protocol(
        "the server's listing is larger than any maildrop popfetch can hold",
        line,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pop3::command::Command;
    use crate::pop3::script::Script;
    use proptest::prelude::*;

    /// Joins the lines of both replies.
    fn join(uidl: &[u8], list: &[u8]) -> Result<Listing, Error> {
        let reply = |lines: &[u8]| [b"+OK\r\n", lines, b".\r\n"].concat();
        let script = Script::new()
            .expect("UIDL\r\nLIST\r\n")
            .send(reply(uidl))
            .send(reply(list));
        let mut connection = Connection::new(script, false);
        connection.command(&Command::Uidl)?;
        connection.command(&Command::List)?;
        let mut join = Join::default();
        assert!(join.uidl(&mut connection)?);
        assert!(join.list(&mut connection)?.ok);
        assert!(connection.settled());
        join.finish()
    }

    fn lines(listing: &Listing) -> Vec<Scan<'_>> {
        listing.iter().collect()
    }

    fn scan<'a>(number: u32, octets: Option<u64>, uid: Option<&'a str>) -> Scan<'a> {
        Scan {
            number,
            octets,
            uid: uid.map(str::as_bytes),
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 24);
    }

    #[test]
    fn joined_by_number() {
        let listing = join(b"1 a\r\n2 b\r\n4 d\r\n", b"1 10\r\n3 30\r\n4 40\r\n").unwrap();
        assert!(listing.has_uids && !listing.is_empty());
        assert_eq!(
            lines(&listing),
            [
                scan(1, Some(10), Some("a")),
                scan(2, None, Some("b")),
                scan(3, Some(30), None),
                scan(4, Some(40), Some("d")),
            ]
        );
        assert_eq!(listing.get(2).unwrap().number, 3);
        assert_eq!(listing.get(4), None);
        assert!(join(b"", b"").unwrap().is_empty());
    }

    #[test]
    fn sorted_however_it_comes() {
        let listing = join(
            b"9 c\r\n1 a\r\n2 b\r\n",
            b"2 20\r\n3 30\r\n9 90\r\n1 10\r\n",
        )
        .unwrap();
        let mut expected = Listing {
            has_uids: true,
            ..Listing::default()
        };
        expected.push(9, Some(90), Some(b"c"));
        expected.push(1, Some(10), Some(b"a"));
        expected.push(3, Some(30), None);
        expected.push(2, Some(20), Some(b"b"));
        assert_eq!(listing, expected);
    }

    #[test]
    fn what_came_between_the_listings_waits() {
        let list = |count| -> String { (1..=count).map(|n| format!("{n} 10\r\n")).collect() };
        for (uidl, listed, left) in [
            ("1 a\r\n2 b\r\n", 3, 2),
            ("1 a\r\n2 b\r\n", 10, 2),
            // So many do not come between two commands.
            ("1 a\r\n2 b\r\n", 11, 11),
            ("3 c\r\n", 4, 3),
            ("1 \r\n", 2, 1),
            ("", 2, 2),
        ] {
            let listing = join(uidl.as_bytes(), list(listed).as_bytes()).unwrap();
            assert_eq!(listing.len(), left, "{uidl:?} {listed}");
        }
        let mut alone = Join::default();
        alone.list_line(b"1 10").unwrap();
        assert_eq!(alone.finish().unwrap().len(), 1);
    }

    #[test]
    fn unique_ids_as_servers_write_them() {
        let long = format!("1 {}", "u".repeat(UID));
        let too_long = format!("{long}u");
        let cases: &[(&str, Option<&str>)] = &[
            ("1 000000016b022d6a", Some("000000016b022d6a")),
            (
                "1 1704067201.M000001P1.bed,S=150",
                Some("1704067201.M000001P1.bed,S=150"),
            ),
            ("1   three", Some("three")),
            ("1\ttab\t", Some("tab")),
            (" 1 x ", Some("x")),
            ("1 <a b@c>  ", Some("<a b@c>")),
            ("1 \u{e9}\u{1b}[31m", Some("\u{e9}\u{1b}[31m")),
            ("1", None),
            ("1 ", None),
            ("1    ", None),
            ("0001 a", Some("a")),
            (&long, Some(&long[2..])),
            (&too_long, None),
        ];
        for (line, uid) in cases {
            let listing = join(format!("{line}\r\n").as_bytes(), b"1 5\r\n").unwrap();
            assert_eq!(lines(&listing), [scan(1, Some(5), *uid)], "{line:?}");
        }
    }

    #[test]
    fn the_same_unique_id_twice_stays() {
        let listing = join(b"1 1826beb21c71fdaf\r\n2 1826beb21c71fdaf\r\n", b"").unwrap();
        assert_eq!(listing.get(0).unwrap().uid, listing.get(1).unwrap().uid);
    }

    #[test]
    fn sizes_as_servers_write_them() {
        for (line, octets) in [
            ("1 223", Some(223)),
            ("1  223 extra 5", Some(223)),
            ("1 0", Some(0)),
            ("1 -1", None),
            ("1 +5", None),
            ("1 223octets", None),
            ("1 unknown", None),
            ("1", None),
            ("1 18446744073709551616", None),
        ] {
            let listing = join(b"1 a\r\n", format!("{line}\r\n").as_bytes()).unwrap();
            assert_eq!(listing.get(0).unwrap().octets, octets, "{line:?}");
        }
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "",
            " ",
            "x",
            "a 1",
            "-1 a",
            "+1 a",
            "1a b",
            "0 a",
            "4294967296 a",
            "99999999999999999999 a",
            "+OK",
            "1,5",
        ] {
            let bytes = format!("{line}\r\n").into_bytes();
            for result in [join(&bytes, b""), join(b"", &bytes)] {
                assert!(
                    matches!(result, Err(Error::Protocol { .. })),
                    "{line:?}: {result:?}"
                );
            }
        }
    }

    #[test]
    fn doubled_numbers() {
        for (uidl, list) in [
            ("1 a\r\n1 b\r\n", ""),
            ("1 a\r\n2 b\r\n1 c\r\n", ""),
            ("1 a\r\n", "1 5\r\n1 5\r\n"),
            ("1 a\r\n", "1 -1\r\n1 -1\r\n"),
            ("", "1 5\r\n2 5\r\n1 5\r\n"),
        ] {
            let result = join(uidl.as_bytes(), list.as_bytes());
            assert!(
                matches!(result, Err(Error::Protocol { .. })),
                "{uidl:?} {list:?}"
            );
        }
    }

    #[test]
    fn unique_ids_are_bounded_together() {
        let line = "u".repeat(UID);
        let mut uidl = Vec::new();
        for number in 1..=UID_ROOM / UID + 8 {
            uidl.extend_from_slice(format!("{number} {line}\r\n").as_bytes());
        }
        assert!(join(&uidl, b"").is_err());
    }

    #[test]
    fn messages_are_bounded() {
        let mut join = Join::default();
        join.list_line(b"1 1").unwrap();
        join.listing.entries = vec![join.listing.entries[0]; MESSAGES - 1];
        join.list_line(b"4000000 1").unwrap();
        assert!(join.list_line(b"4000001 1").is_err());
        assert!(join.uidl_line(b"4000001 a").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(uidl in any::<Vec<u8>>(), list in any::<Vec<u8>>()) {
            let _ = join(&uidl, &list);
        }

        #[test]
        fn keeps_every_message_once(
            uidl in proptest::collection::hash_map(1u32..60, "[!-~]{1,8}", 0..40),
            list in proptest::collection::hash_map(1u32..60, 0u64..1000, 0..40),
        ) {
            let mut wire = (Vec::new(), Vec::new());
            for (number, uid) in &uidl {
                wire.0.extend_from_slice(format!("{number} {uid}\r\n").as_bytes());
            }
            for (number, octets) in &list {
                wire.1.extend_from_slice(format!("{number} {octets}\r\n").as_bytes());
            }
            let listing = join(&wire.0, &wire.1).unwrap();
            let mut numbers: Vec<u32> = uidl.keys().chain(list.keys()).copied().collect();
            numbers.sort_unstable();
            numbers.dedup();
            if let Some(last) = uidl.keys().max() {
                let newcomers = numbers.iter().filter(|number| *number > last).count();
                if newcomers <= NEWCOMERS {
                    numbers.truncate(numbers.len() - newcomers);
                }
            }
            prop_assert_eq!(listing.len(), numbers.len());
            for (scan, number) in listing.iter().zip(numbers) {
                prop_assert_eq!(scan.number, number);
                prop_assert_eq!(scan.uid, uidl.get(&number).map(String::as_bytes));
                prop_assert_eq!(scan.octets, list.get(&number).copied());
            }
        }
    }
}
