use super::error::Error;

/// How much of a line is kept: the length of the longest status line (RFC 2449 section 4).
pub(super) const KEPT: usize = 512;

/// What a reply says after `+OK` or `-ERR`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The response code without brackets, upper case (RFC 2449 section 8): `IN-USE`, `SYS/TEMP`, ...
    pub code: Option<ResponseCode>,
    /// The text, code included, as sent; at most 512 octets are kept. Unsanitised.
    pub text: Vec<u8>,
}

/// Extended response codes (RFC 2449 section 8, RFC 3206).
///
/// Codes are hierarchical: one that only adds levels behind `/` to a code known here is taken for that code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseCode {
    /// `[IN-USE]`: another session has the maildrop.
    InUse,
    /// `[LOGIN-DELAY]`: logged in too recently.
    LoginDelay,
    /// `[SYS/TEMP]`: trouble that passes.
    SysTemp,
    /// `[SYS/PERM]`: trouble that needs a person.
    SysPerm,
    /// `[AUTH]`: it is about the credentials.
    Auth,
    /// Any other.
    Other(String),
}

impl ResponseCode {
    /// Reads the code that a reply's text begins with.
    fn read(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"[")?;
        let code = &rest[..memchr::memchr(b']', rest)?];
        // RFC 2449's `rchar`: text in brackets that holds a blank is a remark, not a code.
        if code.is_empty() || !code.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let code = String::from_utf8_lossy(code).to_ascii_uppercase();
        let known = [
            ("IN-USE", Self::InUse),
            ("LOGIN-DELAY", Self::LoginDelay),
            ("SYS/TEMP", Self::SysTemp),
            ("SYS/PERM", Self::SysPerm),
            ("AUTH", Self::Auth),
        ];
        for (name, meaning) in known {
            if let Some(rest) = code.strip_prefix(name)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return Some(meaning);
            }
        }
        Some(Self::Other(code))
    }
}

/// A status line (RFC 1939 section 3): `+OK` or `-ERR`, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// `+OK`.
    pub(super) ok: bool,
    /// The rest of the line.
    pub(super) reply: Reply,
}

impl Status {
    /// Reads a line without its line end; `None` when it is no status line.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let (ok, rest) = match line {
            [b'+', word @ ..] => (true, strip_word(word, b"OK")?),
            [b'-', word @ ..] => (false, strip_word(word, b"ERR")?),
            _ => return None,
        };
        let text = match rest {
            [] => rest,
            [b' ' | b'\t', text @ ..] => text,
            _ => return None,
        };
        Some(Self {
            ok,
            reply: Reply {
                code: ResponseCode::read(text),
                text: text[..text.len().min(KEPT)].to_vec(),
            },
        })
    }

    /// The reply when it is `+OK`.
    pub(super) fn accept(self, command: &'static str) -> Result<Reply, Error> {
        if self.ok {
            Ok(self.reply)
        } else {
            Err(Error::Refused {
                command,
                reply: self.reply,
            })
        }
    }
}

fn strip_word<'a>(line: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn status_lines() {
        let cases: &[(&str, Option<(bool, &str)>)] = &[
            ("+OK", Some((true, ""))),
            ("-ERR", Some((false, ""))),
            ("+OK ", Some((true, ""))),
            ("+ok ready", Some((true, "ready"))),
            ("-Err no", Some((false, "no"))),
            ("+OK\tready", Some((true, "ready"))),
            ("+OK  two blanks", Some((true, " two blanks"))),
            (
                "+OK POP3 clients that break here, they violate STD53.",
                Some((true, "POP3 clients that break here, they violate STD53.")),
            ),
            ("+OKAY", None),
            ("-ERROR", None),
            ("OK", None),
            ("+O", None),
            ("+", None),
            ("+ ", None),
            ("", None),
            (" +OK", None),
            ("220 smtp.example.org ESMTP", None),
            ("* PREAUTH IMAP4rev1", None),
            ("USER aaaaaaaa", None),
        ];
        for (line, expected) in cases {
            let status = Status::read(line.as_bytes());
            let seen = status
                .as_ref()
                .map(|s| (s.ok, std::str::from_utf8(&s.reply.text).unwrap()));
            assert_eq!(seen, *expected, "{line:?}");
        }
    }

    #[test]
    fn response_codes() {
        let other = |name: &str| Some(ResponseCode::Other(name.to_owned()));
        let cases: &[(&str, Option<ResponseCode>)] = &[
            ("-ERR [IN-USE] Mailbox in use", Some(ResponseCode::InUse)),
            ("-ERR [in-use]", Some(ResponseCode::InUse)),
            (
                "-ERR [LOGIN-DELAY] Logins must be at least 1 minute apart",
                Some(ResponseCode::LoginDelay),
            ),
            ("-ERR [SYS/TEMP] later", Some(ResponseCode::SysTemp)),
            ("-ERR [sys/perm] call us", Some(ResponseCode::SysPerm)),
            ("-ERR [SYS/TEMP/DISK] later", Some(ResponseCode::SysTemp)),
            ("-ERR [SYS/TEMPORARY] later", other("SYS/TEMPORARY")),
            ("-ERR [SYS] later", other("SYS")),
            ("-ERR [AUTH] Bad login", Some(ResponseCode::Auth)),
            ("+OK [x-new] fine", other("X-NEW")),
            ("-ERR [AUTH Bad login", None),
            ("-ERR [] Bad login", None),
            ("-ERR [the mailbox] is locked", None),
            ("-ERR  [AUTH] two blanks", None),
            ("-ERR no [AUTH] code", None),
            ("-ERR Can't get lock.  Mailbox in use", None),
        ];
        for (line, expected) in cases {
            assert_eq!(
                Status::read(line.as_bytes()).unwrap().reply.code,
                *expected,
                "{line:?}"
            );
        }
    }

    #[test]
    fn keeps_512_octets_of_the_text() {
        let line = [b"+OK ".as_slice(), &[b'x'; 4000]].concat();
        assert_eq!(Status::read(&line).unwrap().reply.text.len(), 512);
    }

    proptest! {
        #[test]
        fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Status::read(&line);
            let _ = Status::read(&[b"-ERR [", line.as_slice()].concat());
        }
    }
}
