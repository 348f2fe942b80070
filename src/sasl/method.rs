use std::str::FromStr;

/// A way to log in, in the words of the `auth` key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// SCRAM-SHA-256-PLUS (RFC 7677, RFC 5802), bound to the TLS channel.
    ScramSha256Plus,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-1-PLUS (RFC 5802).
    ScramSha1Plus,
    /// SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN (draft-murchison-sasl-login).
    Login,
    /// APOP (RFC 1939 section 7); only when listed by the user.
    Apop,
    /// USER and PASS (RFC 1939 section 7).
    User,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::ScramSha1Plus,
        Self::ScramSha1,
        Self::CramMd5,
        Self::Plain,
        Self::Login,
        Self::Apop,
        Self::User,
    ];

    /// The word in the `auth` key: `scram-sha-256`, `plain`, `user`, ...
    pub fn word(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "scram-sha-256-plus",
            Self::ScramSha256 => "scram-sha-256",
            Self::ScramSha1Plus => "scram-sha-1-plus",
            Self::ScramSha1 => "scram-sha-1",
            Self::CramMd5 => "cram-md5",
            Self::Plain => "plain",
            Self::Login => "login",
            Self::Apop => "apop",
            Self::User => "user",
        }
    }

    /// The mechanism's name in `AUTH` and in CAPA's SASL line; `None` for APOP and USER.
    pub fn mechanism(self) -> Option<&'static str> {
        match self {
            Self::ScramSha256Plus => Some("SCRAM-SHA-256-PLUS"),
            Self::ScramSha256 => Some("SCRAM-SHA-256"),
            Self::ScramSha1Plus => Some("SCRAM-SHA-1-PLUS"),
            Self::ScramSha1 => Some("SCRAM-SHA-1"),
            Self::CramMd5 => Some("CRAM-MD5"),
            Self::Plain => Some("PLAIN"),
            Self::Login => Some("LOGIN"),
            Self::Apop | Self::User => None,
        }
    }

    /// Whether the password (or something as good) can be read by who listens: PLAIN, LOGIN, USER.
    pub fn reveals_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login | Self::User)
    }

    /// Whether it binds to the TLS channel: SCRAM's -PLUS.
    pub fn needs_binding(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }
}

impl FromStr for Method {
    type Err = String;

    /// Reads a word of the `auth` key, in upper or lower case.
    ///
    /// # Errors
    /// A sentence that names the words there are.
    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|method| method.word().eq_ignore_ascii_case(word))
            .ok_or_else(|| {
                let words = Self::ALL.map(Self::word).join(", ");
                format!("unknown login method {word:?} (there are: {words})")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_back() {
        for method in Method::ALL {
            assert_eq!(method.word().parse(), Ok(method));
            assert_eq!(method.word().to_uppercase().parse(), Ok(method));
            if let Some(mechanism) = method.mechanism() {
                assert_eq!(mechanism, method.word().to_uppercase());
            }
        }
    }

    #[test]
    fn an_unknown_word_is_told_the_known_ones() {
        assert_eq!(
            "digest".parse::<Method>(),
            Err(
                "unknown login method \"digest\" (there are: scram-sha-256-plus, scram-sha-256, \
                 scram-sha-1-plus, scram-sha-1, cram-md5, plain, login, apop, user)"
                    .into()
            )
        );
    }
}
