//! netrc, the file of ftp(1) with machines, logins and passwords.

use zeroize::Zeroizing;

use super::Secret;

/// What is wrong with a netrc file; never what stands in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub(super) struct Malformed {
    line: usize,
    what: &'static str,
}

/// The password of the first entry for a machine (or `default`) that has this login.
///
/// Words are parted by blanks and line ends; `"..."` holds blanks, `\` takes the next octet as it is. `#` where a
/// keyword belongs begins a comment. `macdef` is passed over up to the next empty line, as are unknown words.
///
/// # Errors
/// A quotation that does not end, a keyword without its value, a password that is not UTF-8.
pub(super) fn password(
    netrc: &[u8],
    machine: &str,
    login: &str,
) -> Result<Option<Secret>, Malformed> {
    let mut words = Words {
        rest: netrc,
        line: 1,
    };
    let mut entry = Entry::default();
    while let Some(keyword) = words.keyword()? {
        match keyword.as_slice() {
            b"machine" => {
                let name = words.value("machine has no name")?;
                if let Some(password) = std::mem::take(&mut entry).password(login) {
                    return Ok(Some(password));
                }
                entry.ours = name.eq_ignore_ascii_case(machine.as_bytes());
            }
            b"default" => {
                if let Some(password) = std::mem::take(&mut entry).password(login) {
                    return Ok(Some(password));
                }
                entry.ours = true;
            }
            b"login" | b"user" => entry.login = Some(words.value("login has no value")?),
            b"password" | b"passwd" => {
                let line = words.line;
                let value = words.value("password has no value")?;
                if entry.ours {
                    let text = std::str::from_utf8(&value).map_err(|_| Malformed {
                        line,
                        what: "the password is not UTF-8",
                    })?;
                    entry.password = Some(Secret::new(text.to_owned()));
                }
            }
            b"account" => drop(words.value("account has no value")?),
            b"macdef" => words.skip_macro(),
            _ => {}
        }
    }
    Ok(entry.password(login))
}

/// An entry as far as it has been read.
#[derive(Default)]
struct Entry {
    /// It is for the machine sought.
    ours: bool,
    login: Option<Zeroizing<Vec<u8>>>,
    password: Option<Secret>,
}

impl Entry {
    fn password(self, login: &str) -> Option<Secret> {
        let ours = self.ours && self.login.is_some_and(|name| *name == login.as_bytes());
        self.password.filter(|_| ours)
    }
}

/// The words of the file.
struct Words<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Words<'_> {
    /// The next word outside of comments.
    fn keyword(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Malformed> {
        loop {
            self.skip_blanks();
            if self.rest.first() != Some(&b'#') {
                return self.word();
            }
            let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
    }

    /// The next word, which must be there.
    fn value(&mut self, missing: &'static str) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        let line = self.line;
        self.skip_blanks();
        self.word()?.ok_or(Malformed {
            line,
            what: missing,
        })
    }

    fn word(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Malformed> {
        let quoted = match self.rest.first() {
            None => return Ok(None),
            Some(first) => *first == b'"',
        };
        let raw = &self.rest[usize::from(quoted)..];
        let mut escaped = false;
        let end = raw.iter().position(|octet| {
            let ends = match octet {
                b'"' => quoted,
                octet => !quoted && octet.is_ascii_whitespace(),
            };
            let ends = ends && !escaped;
            escaped = *octet == b'\\' && !escaped;
            ends
        });
        let raw = match end {
            Some(end) => &raw[..end],
            None if quoted => {
                return Err(Malformed {
                    line: self.line,
                    what: "a quotation does not end",
                });
            }
            None => raw,
        };
        // All the room at once: a buffer that grows leaves copies behind.
        let mut word = Zeroizing::new(Vec::with_capacity(raw.len()));
        let mut escaped = false;
        for octet in raw {
            escaped = *octet == b'\\' && !escaped;
            if !escaped {
                word.push(*octet);
            }
        }
        self.line += memchr::memchr_iter(b'\n', raw).count();
        self.rest = &self.rest[raw.len() + 2 * usize::from(quoted)..];
        Ok(Some(word))
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line += usize::from(*first == b'\n');
        Some(*first)
    }

    fn skip_blanks(&mut self) {
        while self.rest.first().is_some_and(u8::is_ascii_whitespace) {
            self.take();
        }
    }

    /// To the next empty line.
    fn skip_macro(&mut self) {
        let mut empty = false;
        while let Some(octet) = self.take() {
            match octet {
                b'\n' if empty => return,
                b'\n' => empty = true,
                b'\r' => {}
                _ => empty = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn found(netrc: impl AsRef<[u8]>) -> Result<Option<String>, String> {
        match password(netrc.as_ref(), "pop.example.org", "me") {
            Ok(secret) => Ok(secret.map(|secret| secret.expose().to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn entries() {
        for (netrc, expected) in [
            ("machine pop.example.org login me password x", Some("x")),
            (
                "machine POP.Example.Org\n\tlogin me\n\tpassword x\n",
                Some("x"),
            ),
            (
                "machine pop.example.org\r\nlogin me\r\npassword x\r\n",
                Some("x"),
            ),
            ("machine pop.example.org password x login me", Some("x")),
            (
                "machine pop.example.org account a login me password x",
                Some("x"),
            ),
            (
                "machine pop.example.org port 995 login me password x",
                Some("x"),
            ),
            ("default login me password x", Some("x")),
            (
                "machine other login me password y\ndefault login me password x",
                Some("x"),
            ),
            (
                "machine pop.example.org login you password y machine pop.example.org login me password x",
                Some("x"),
            ),
            (
                "machine pop.example.org login me machine pop.example.org login me password x",
                Some("x"),
            ),
            (
                "machine pop.example.org login me password first\nmachine pop.example.org login me password x",
                Some("first"),
            ),
            // Quotations, escapes, comments.
            (
                r#"machine "pop.example.org" login "me" password "a \"b\\ c""#,
                Some(r#"a "b\ c"#),
            ),
            (
                r"machine pop.example.org login me password a\ b\\c\",
                Some(r"a b\c"),
            ),
            (
                r#"machine pop.example.org login me password a"b"#,
                Some(r#"a"b"#),
            ),
            ("machine pop.example.org login me password \"\"", Some("")),
            (
                "machine pop.example.org login me password #x # comment",
                Some("#x"),
            ),
            (
                "# machine x\nmachine pop.example.org # \"it's\nlogin me password x",
                Some("x"),
            ),
            ("machine pop.example.org login me password été", Some("été")),
            // Macros.
            (
                "macdef init\nmachine pop.example.org login me password y\n\nmachine pop.example.org login me password x",
                Some("x"),
            ),
            (
                "macdef a\r\nquote \"\r\n\r\ndefault login me password x",
                Some("x"),
            ),
            // Nothing for us.
            ("", None),
            ("machine pop.example.org password x", None),
            ("machine pop.example.org login Me password x", None),
            ("machine pop.example.org login me", None),
            ("machine pop.example.or login me password x", None),
            ("login me password x", None),
            ("machine other login me password \"a b\"", None),
            ("macdef init\ndefault login me password x", None),
        ] {
            assert_eq!(found(netrc), Ok(expected.map(str::to_owned)), "{netrc}");
        }
    }

    #[test]
    fn what_is_malformed_is_told_by_line_and_never_shown() {
        for (netrc, expected) in [
            (
                "machine a\nlogin \"me password x\n",
                "line 2: a quotation does not end",
            ),
            ("\n\nmachine\n", "line 3: machine has no name"),
            ("default login", "line 1: login has no value"),
            (
                "default\nlogin me\npassword ",
                "line 3: password has no value",
            ),
        ] {
            assert_eq!(found(netrc), Err(expected.to_owned()), "{netrc}");
        }
        let netrc = b"default login me\npassword \xE9";
        assert_eq!(
            found(netrc),
            Err("line 2: the password is not UTF-8".to_owned())
        );
        let others = b"machine other login me password \xE9 default login me password x";
        assert_eq!(found(others), Ok(Some("x".to_owned())));
    }

    fn quoted(word: &str) -> String {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn any_octets_are_read(netrc in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = found(&netrc);
        }

        #[test]
        fn any_words_are_read(netrc in "((machine|default|login|password|macdef|me|pop.example.org|\"|\\\\|#|x)[ \n])*") {
            let _ = found(&netrc);
        }

        #[test]
        fn the_entry_is_found_among_others(
            before in proptest::collection::vec(("[a-z. \"]{1,5}", "[a-z#\\\\ ]{1,5}"), 0..4),
            secret in "[^\\x00]{1,20}",
        ) {
            let mut netrc = String::new();
            for (machine, word) in &before {
                netrc += &format!("machine {} login {} password {}\n", quoted(machine), quoted("me"), quoted(word));
            }
            netrc += &format!("machine pop.example.org login me password {}\n", quoted(&secret));
            netrc += "machine pop.example.org login me password later\n";
            prop_assert_eq!(found(&netrc), Ok(Some(secret)));
        }
    }
}
