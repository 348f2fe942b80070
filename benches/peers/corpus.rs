//! The mail: made from numbers alone, so that every run has the same.

use std::fmt::Write as _;

/// What lies in a maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Corpus {
    /// So many messages of about 4 KiB.
    Small(usize),
    /// So many of log-normal sizes: median 12 KiB, mean 70 KiB, the largest 9 MB.
    Medium(usize),
    /// So many of 5 MiB.
    Large(usize),
    /// One of so many octets.
    One(usize),
    /// So many of about 1 KiB, all with the same text: what counts is their listing.
    Listed(usize),
}

impl Corpus {
    /// Messages.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Small(count) | Self::Medium(count) | Self::Large(count) => count,
            Self::One(_) => 1,
            Self::Listed(count) => count,
        }
    }

    /// In words.
    pub(crate) fn says(self) -> String {
        match self {
            Self::Small(count) => format!("{count} messages of 4 KiB"),
            Self::Medium(count) => format!("{count} messages of 12 KiB to megabytes"),
            Self::Large(count) => format!("{count} messages of 5 MiB"),
            Self::One(octets) => format!("one message of {octets} octets"),
            Self::Listed(count) => format!("{count} known messages"),
        }
    }

    /// The texts, with LF line ends; what [`Corpus::Listed`] repeats comes once.
    fn texts(self) -> Box<dyn Iterator<Item = String>> {
        match self {
            Self::Small(count) => Box::new((1..=count).map(|number| text(number, 4 << 10))),
            Self::Medium(count) => {
                Box::new((1..=count).map(|number| text(number, log_normal(number))))
            }
            Self::Large(count) => Box::new((1..=count).map(|number| text(number, 5 << 20))),
            Self::One(octets) => Box::new(std::iter::once(text(1, octets))),
            Self::Listed(_) => Box::new(std::iter::once(text(1, 1 << 10))),
        }
    }
}

/// A maildrop as the server sends it.
pub(crate) struct Wire {
    /// The whole replies to UIDL and LIST.
    pub(crate) uidl: Vec<u8>,
    pub(crate) list: Vec<u8>,
    /// The whole replies to RETR, and their octets as LIST has them; where there are fewer than messages they come
    /// round again.
    replies: Vec<(Vec<u8>, usize)>,
    /// Messages.
    pub(crate) count: usize,
    /// Octets on disk, all messages together.
    pub(crate) octets: u64,
}

impl Wire {
    pub(crate) fn new(corpus: Corpus) -> Self {
        let count = corpus.count();
        let mut octets = 0;
        let mut replies = Vec::new();
        for text in corpus.texts() {
            let size = text.len() + memchr::memchr_iter(b'\n', text.as_bytes()).count();
            octets += text.len() as u64;
            let mut reply = Vec::with_capacity(size + size / 50 + 64);
            reply.extend_from_slice(format!("+OK {size} octets\r\n").as_bytes());
            for line in text.lines() {
                if line.starts_with('.') {
                    reply.push(b'.');
                }
                reply.extend_from_slice(line.as_bytes());
                reply.extend_from_slice(b"\r\n");
            }
            reply.extend_from_slice(b".\r\n");
            replies.push((reply, size));
        }
        let mut uidl = format!("+OK {count} messages\r\n");
        let mut list = uidl.clone();
        for number in 1..=count {
            let (_, size) = replies[(number - 1) % replies.len()];
            let _ = write!(uidl, "{number} {}\r\n", unique_id(number));
            let _ = write!(list, "{number} {size}\r\n");
        }
        Self {
            uidl: (uidl + ".\r\n").into_bytes(),
            list: (list + ".\r\n").into_bytes(),
            replies,
            count,
            octets,
        }
    }

    /// The reply to RETR and the octets of the message, by number from 1.
    pub(crate) fn message(&self, number: usize) -> Option<&(Vec<u8>, usize)> {
        let there = (1..=self.count).contains(&number);
        there.then(|| &self.replies[(number - 1) % self.replies.len()])
    }
}

/// 24 octets.
pub(crate) fn unique_id(number: usize) -> String {
    format!("{number:016x}5eed2024")
}

/// A message of about so many octets, LF line ends. A third have lines that begin with a dot or with `From `.
pub(crate) fn text(number: usize, octets: usize) -> String {
    let mut text = format!(
        "Return-Path: <list-bounces@lists.example>\nDelivered-To: b@x.example\n\
         Received: from mx.x.example ([192.0.2.7])\n\tby store.x.example with LMTP id {number:016x}\n\
         \tfor <b@x.example>; Mon, 1 Jan 2024 00:00:02 +0000\n\
         Received: from lists.example (lists.example [198.51.100.9])\n\tby mx.x.example (Postfix) with ESMTPS id {number:08X}\n\
         \tfor <b@x.example>; Mon, 1 Jan 2024 00:00:01 +0000 (UTC)\n\
         DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=lists.example; s=2024;\n\
         \tt=1704067200; h=from:to:subject:date:message-id;\n\
         \tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n\
         \tb=dGhlIHNpZ25hdHVyZSBvZiBhIG1lc3NhZ2UgdGhhdCBub2JvZHkgc2lnbmVkLCBsb25n\n\
         \t ZW5vdWdoIHRvIGxvb2sgbGlrZSBvbmUsIGluIHR3byBsaW5lcyBhcyB0aGV5IGFyZQ==\n\
         Message-ID: <{number}.1704067200@lists.example>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\
         From: A Sender <a@lists.example>\nTo: A List <list@lists.example>\nSubject: message {number}\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    );
    if number.is_multiple_of(3) {
        text += "From here on there are lines that have to be quoted or stuffed:\n.\n..\n.signature\n\n";
    }
    let lines = [
        "a line like any other line in a message, of some seventy octets or so\n",
        "a shorter one\n",
        "Zeilen über ASCII hinaus gibt es überall, auch in einer Nachricht wie dieser\n",
        "\n",
    ];
    text.reserve(octets.saturating_sub(text.len()) + 100);
    for line in lines.iter().cycle() {
        if text.len() >= octets {
            break;
        }
        text += line;
    }
    text
}

/// The size of a message, by its number: exp(normal), by Box and Muller.
fn log_normal(number: usize) -> usize {
    let uniform = |salt: usize| {
        // SplitMix64.
        let mut bits = ((number * 2 + salt) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let normal =
        (-2.0 * (1.0 - uniform(0)).ln()).sqrt() * (std::f64::consts::TAU * uniform(1)).cos();
    // Mean over median is exp(sigma² / 2).
    let octets = 12.0 * 1024.0 * (1.9 * normal).exp();
    octets.clamp(1024.0, 16.0 * 1024.0 * 1024.0) as usize
}
