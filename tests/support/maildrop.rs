//! Maildrops: the messages of a user, as a POP3 server has them.

use std::collections::HashSet;
use std::sync::Arc;

/// A message in a maildrop.
///
/// Its text is a head and then one line any number of times, so that a message of gigabytes costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its unique-id; empty, odd and doubled ones are as good as any here.
    pub uid: Vec<u8>,
    /// What goes wrong with it.
    pub faults: Faults,
    head: Arc<[u8]>,
    line: Arc<[u8]>,
    lines: u64,
    /// Tells doubles apart.
    pub(super) key: u64,
}

/// What goes wrong with one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// RETR is answered with this -ERR line.
    pub refuse_retr: Option<String>,
    /// TOP is answered with this -ERR line.
    pub refuse_top: Option<String>,
    /// DELE is answered with this -ERR line.
    pub refuse_dele: Option<String>,
    /// The connection is cut when so many octets of RETR's text are out.
    pub cut_at: Option<u64>,
    /// Like `cut_at`, with a TCP reset.
    pub reset_at: Option<u64>,
    /// The server stands still when so many octets of RETR's text are out, until the client leaves.
    pub hang_at: Option<u64>,
    /// What LIST says in place of the size; it need not be a number.
    pub listed_size: Option<String>,
}

impl Message {
    /// A message from text with LF line ends; on the wire they are CRLF.
    pub fn new(uid: impl AsRef<[u8]>, text: impl AsRef<[u8]>) -> Self {
        Self::raw(uid, crlf(text.as_ref()))
    }

    /// A message from the very octets that go over the wire (before byte-stuffing).
    /// Bare CR and bare LF stay; a CRLF is added at the end where it is missing, as every server must.
    pub fn raw(uid: impl AsRef<[u8]>, mut octets: Vec<u8>) -> Self {
        if !octets.is_empty() && !octets.ends_with(b"\r\n") {
            octets.extend_from_slice(b"\r\n");
        }
        Self {
            uid: uid.as_ref().to_vec(),
            faults: Faults::default(),
            head: octets.into(),
            line: Arc::from([]),
            lines: 0,
            key: 0,
        }
    }

    /// A message of a head (LF line ends) and then `lines` times the same line (without its end).
    pub fn repeated(uid: impl AsRef<[u8]>, head: &str, line: &str, lines: u64) -> Self {
        let mut message = Self::new(uid, head);
        message.line = crlf(format!("{line}\n").as_bytes()).into();
        message.lines = lines;
        message
    }

    /// An ordinary one, told from others by a number: unique-id `uid-N`, subject `message N`.
    pub fn numbered(number: u32) -> Self {
        Self::new(
            format!("uid-{number}"),
            format!(
                "Return-Path: <sender@example.test>\n\
                 Received: from a.example.test by b.example.test with ESMTP id {number:08}\n\
                 From: Sender <sender@example.test>\n\
                 To: you@example.test\n\
                 Subject: message {number}\n\
                 Date: Mon, 01 Jan 2024 00:{:02}:{:02} +0000\n\
                 Message-ID: <m{number}@example.test>\n\
                 \n\
                 body {number}\n",
                number / 60 % 60,
                number % 60
            ),
        )
    }

    /// The same, with these faults.
    pub fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Octets as RFC 1939 counts them.
    pub fn octets(&self) -> u64 {
        self.head.len() as u64 + self.line.len() as u64 * self.lines
    }

    /// The text as it ends up on disk: each CRLF an LF.
    pub fn on_disk(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.each_piece(&mut |piece| {
            text.extend_from_slice(piece);
            true
        });
        lf(&text)
    }

    /// The head and the first `lines` lines of the body (RFC 1939 section 7, TOP).
    pub(super) fn top(&self, lines: usize) -> Vec<u8> {
        let mut text = self.head.to_vec();
        for _ in 0..self.lines.min(lines as u64 + 1) {
            text.extend_from_slice(&self.line);
        }
        let blank = text.windows(4).position(|end| end == b"\r\n\r\n");
        let Some(body) = blank.map(|at| at + 4) else {
            return text;
        };
        let ends = text[body..].windows(2).enumerate();
        let end = ends
            .filter(|(_, end)| *end == b"\r\n")
            .map(|(at, _)| body + at + 2)
            .take(lines)
            .last();
        text.truncate(end.unwrap_or(body));
        text
    }

    /// The text with dots stuffed, in pieces, until `take` returns false.
    pub(super) fn stuffed(&self, take: &mut dyn FnMut(&[u8]) -> bool) {
        let stuffed = Self {
            head: stuff(&self.head).into(),
            line: stuff(&self.line).into(),
            ..self.clone()
        };
        stuffed.each_piece(take);
    }

    fn each_piece(&self, take: &mut dyn FnMut(&[u8]) -> bool) {
        for piece in self.head.chunks(64 * 1024) {
            if !take(piece) {
                return;
            }
        }
        if self.line.is_empty() {
            return;
        }
        let at_once = (64 * 1024 / self.line.len()).max(1) as u64;
        let many = self.line.repeat(at_once as usize);
        let mut left = self.lines;
        while left > 0 {
            let now = left.min(at_once);
            if !take(&many[..self.line.len() * now as usize]) {
                return;
            }
            left -= now;
        }
    }
}

/// A user's maildrop.
#[derive(Debug, Clone, Default)]
pub struct Maildrop {
    messages: Vec<Message>,
    next: u64,
}

impl Maildrop {
    /// Adds a message at the end, as if it had just arrived.
    pub fn push(&mut self, mut message: Message) {
        self.next += 1;
        message.key = self.next;
        self.messages.push(message);
    }

    /// The messages, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The unique-ids, in order.
    pub fn uids(&self) -> Vec<String> {
        let uid = |message: &Message| String::from_utf8_lossy(&message.uid).into_owned();
        self.messages.iter().map(uid).collect()
    }

    /// A message to be changed.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn get_mut(&mut self, index: usize) -> &mut Message {
        &mut self.messages[index]
    }

    /// Gives every message another unique-id, made from its number (from 1) and its present one.
    pub fn renumber(&mut self, mut uid: impl FnMut(usize, &[u8]) -> Vec<u8>) {
        for (index, message) in self.messages.iter_mut().enumerate() {
            message.uid = uid(index + 1, &message.uid);
        }
    }

    /// Keeps only the messages that pass, as if another client had deleted the rest.
    pub fn retain(&mut self, keep: impl FnMut(&Message) -> bool) {
        self.messages.retain(keep);
    }

    pub(super) fn remove(&mut self, keys: &HashSet<u64>) {
        self.messages.retain(|message| !keys.contains(&message.key));
    }
}

impl Extend<Message> for Maildrop {
    fn extend<I: IntoIterator<Item = Message>>(&mut self, messages: I) {
        for message in messages {
            self.push(message);
        }
    }
}

impl FromIterator<Message> for Maildrop {
    fn from_iter<I: IntoIterator<Item = Message>>(messages: I) -> Self {
        let mut maildrop = Self::default();
        maildrop.extend(messages);
        maildrop
    }
}

/// Ten odd messages: dots, no body, a line of 20,000 octets, 8-bit, From_ lines, 1 MiB, bare CR, no header.
pub fn odd_messages() -> Vec<Message> {
    let head = |number: u32, more: &str| {
        format!(
            "From: Sender <sender@example.test>\nTo: you@example.test\nSubject: message {number}\n\
             Date: Mon, 01 Jan 2024 00:00:{number:02} +0000\nMessage-ID: <m{number}@example.test>\n{more}\n"
        )
    };
    let with = |number: u32, more: &str, body: &[u8]| {
        let text = [head(number, more).as_bytes(), body].concat();
        Message::new(format!("odd-{number}"), text)
    };
    let utf8 = "Content-Type: text/plain; charset=utf-8\n";
    let long = [&[b'x'; 20_000][..], b"\nafter a long line\n"].concat();
    vec![
        with(1, "", b"plain\n"),
        with(2, "", b".\n..\n.x\n...\nend\n"),
        with(3, "", b""),
        with(4, "", &long),
        with(5, utf8, "r\u{e9}sum\u{e9} \u{4f60}\u{597d}\n".as_bytes()),
        with(6, "", b"\nFrom here on\n>From quoted\n\n\n"),
        with(7, "", b"tab\there \x01\x7f \xff\xfe latin\n"),
        Message::repeated("odd-8", &head(8, ""), &"0".repeat(63), 16_384),
        with(9, "", b"bare\rCR and trailing spaces   \n"),
        with(10, "", b"dot at the very end, and no line end\n."),
    ]
}

/// LF to CRLF; a CR before an LF is not doubled.
pub fn crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let mut last = 0;
    for &octet in text {
        if octet == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(octet);
        last = octet;
    }
    out
}

/// CRLF to LF.
pub fn lf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, &octet) in text.iter().enumerate() {
        if octet != b'\r' || text.get(at + 1) != Some(&b'\n') {
            out.push(octet);
        }
    }
    out
}

/// Byte-stuffing (RFC 1939 section 3): a dot before each dot that begins a line.
pub fn stuff(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut begins = true;
    for (at, &octet) in text.iter().enumerate() {
        if begins && octet == b'.' {
            out.push(b'.');
        }
        out.push(octet);
        begins = octet == b'\n' && at > 0 && text[at - 1] == b'\r';
    }
    out
}

/// Takes byte-stuffing out again, strictly.
///
/// # Panics
/// When the text was not rightly stuffed.
pub fn unstuff(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\r\n");
        let (line, next) = rest.split_at(end.map_or(rest.len(), |end| end + 2));
        out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        rest = next;
    }
    assert!(stuff(&out) == text, "the text was not rightly stuffed");
    out
}
