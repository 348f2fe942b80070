//! How the honest server behaves, and how it misbehaves.

use std::collections::BTreeMap;
use std::time::Duration;

use rustls::SupportedProtocolVersion;

use super::auth::{Mechanism, ScramFault};
use super::tls::{Authority, Identity, NAMES};

/// Whether the server has a thing, and says so in CAPA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It works and is listed.
    Listed,
    /// It works and is not listed.
    Unlisted,
    /// It is listed only after login; it works.
    ListedAfterLogin,
    /// It is listed, and answered with -ERR.
    Refused,
    /// It is neither listed nor known.
    Missing,
}

impl Support {
    pub(super) fn works(self) -> bool {
        !matches!(self, Self::Refused | Self::Missing)
    }

    pub(super) fn is_listed(self, after_login: bool) -> bool {
        match self {
            Self::Listed | Self::Refused => true,
            Self::ListedAfterLogin => after_login,
            Self::Unlisted | Self::Missing => false,
        }
    }
}

/// What QUIT brings after login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quit {
    /// Messages marked deleted are removed, then +OK (RFC 1939 section 6).
    Done,
    /// Nothing is removed; this -ERR line.
    Refused(String),
    /// Nothing is removed, and the connection ends without an answer, as popa3d does when another session was quicker.
    Lost,
    /// Messages are removed, and the connection ends without an answer.
    DoneUnanswered,
}

/// What a session is like. A session keeps those settings with which it began.
#[derive(Clone)]
pub struct Settings {
    /// The greeting's text after `+OK `; the APOP stamp is added to it.
    pub greeting: String,
    /// The greeting as a whole in place of that; then the connection is closed unless it begins with `+OK`.
    pub whole_greeting: Option<String>,
    /// APOP: its stamp in the greeting, and the command.
    pub apop: bool,
    /// CAPA is answered at all.
    pub capa: bool,
    /// UIDL.
    pub uidl: Support,
    /// TOP.
    pub top: Support,
    /// USER and PASS.
    pub user: Support,
    /// STLS, before login and outside TLS.
    pub stls: Support,
    /// PIPELINING: what CAPA says; it works in any case.
    pub pipelining: Support,
    /// RESP-CODES and AUTH-RESP-CODE.
    pub response_codes: Support,
    /// Mechanisms offered; -PLUS ones inside TLS only.
    pub mechanisms: Vec<Mechanism>,
    /// The mechanisms are listed in CAPA. They work in any case.
    pub mechanisms_listed: bool,
    /// USER, PLAIN and LOGIN are allowed (and offered) outside TLS.
    pub cleartext_login: bool,
    /// How SCRAM goes wrong.
    pub scram_fault: ScramFault,
    /// SCRAM's iteration count.
    pub iterations: u32,
    /// EXPIRE's argument in CAPA: `NEVER`, `0`, `7 USER`.
    pub expire: Option<String>,
    /// With QUIT whatever was RETRd is removed, deleted or not, as `EXPIRE 0` may mean.
    pub retrieved_expires: bool,
    /// What was asked for by TOP counts as RETRd for that.
    pub topped_expires: bool,
    /// LOGIN-DELAY's argument in CAPA; it is not enforced.
    pub login_delay: Option<u64>,
    /// IMPLEMENTATION.
    pub implementation: Option<String>,
    /// Lines added to CAPA, as they are.
    pub capability_lines: Vec<String>,
    /// The answer to a login with the right password in place of +OK: `-ERR [IN-USE] ...`.
    pub login_refused: Option<String>,
    /// The answer to a wrong password.
    pub bad_password: String,
    /// A wrong password ends the connection.
    pub bad_password_closes: bool,
    /// A second session in the same maildrop is refused with [IN-USE].
    pub exclusive: bool,
    /// More sessions than this at once are refused with [IN-USE] at login.
    pub max_sessions: Option<usize>,
    /// What QUIT brings.
    pub quit: Quit,
    /// Replies in place of the true ones, by a whole line received (`UIDL`) or its first word followed by ` *`
    /// (`LIST *`): the very octets, CRLF included.
    pub replies: BTreeMap<String, Vec<u8>>,
    /// The connection is cut in place of the reply to this line or word (as in `replies`).
    pub cut_before: Option<String>,
    /// Sent in clear, in the same write, behind STLS's +OK.
    pub stls_injection: Vec<u8>,
    /// After RETR the answer to another kind of command in the same write gets into the message, as WildDuck 1.46 does.
    pub corrupts_retr: bool,
    /// What comes in the same segment behind PASS (or the last line of AUTH) is lost, as with Courier.
    pub drops_behind_login: bool,
    /// Time between the commands of one read and their replies, as a round trip takes.
    pub round_trip: Duration,
    /// Time each reply takes.
    pub work: Duration,
    /// Octets in a second at most.
    pub rate: Option<u64>,
    /// The certificate, for the implicit port and for STLS.
    pub identity: Identity,
    /// TLS versions spoken.
    pub tls_versions: &'static [&'static SupportedProtocolVersion],
}

impl Default for Settings {
    /// A server with everything, where all goes well; no APOP.
    fn default() -> Self {
        Self {
            greeting: "POP3 ready".to_owned(),
            whole_greeting: None,
            apop: false,
            capa: true,
            uidl: Support::Listed,
            top: Support::Listed,
            user: Support::Listed,
            stls: Support::Listed,
            pipelining: Support::Listed,
            response_codes: Support::Listed,
            mechanisms: Mechanism::ALL.to_vec(),
            mechanisms_listed: true,
            cleartext_login: true,
            scram_fault: ScramFault::None,
            iterations: 4096,
            expire: Some("NEVER".to_owned()),
            retrieved_expires: false,
            topped_expires: false,
            login_delay: None,
            implementation: Some("test server".to_owned()),
            capability_lines: Vec::new(),
            login_refused: None,
            bad_password: "-ERR [AUTH] wrong user or password".to_owned(),
            bad_password_closes: false,
            exclusive: false,
            max_sessions: None,
            quit: Quit::Done,
            replies: BTreeMap::new(),
            cut_before: None,
            stls_injection: Vec::new(),
            corrupts_retr: false,
            drops_behind_login: false,
            round_trip: Duration::ZERO,
            work: Duration::ZERO,
            rate: None,
            identity: Authority::shared().issue(&NAMES),
            tls_versions: rustls::ALL_VERSIONS,
        }
    }
}

impl Settings {
    /// The mechanisms offered on a connection.
    pub(super) fn offered(&self, tls: bool) -> impl Iterator<Item = Mechanism> + '_ {
        let allowed = move |mechanism: &Mechanism| {
            if mechanism.is_plus() {
                tls
            } else {
                tls || self.cleartext_login || !mechanism.reveals_password()
            }
        };
        self.mechanisms.iter().copied().filter(allowed)
    }

    /// CAPA's lines.
    pub(super) fn capabilities(&self, tls: bool, after_login: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut list = |support: Support, line: &str| {
            if support.is_listed(after_login) {
                lines.push(line.to_owned());
            }
        };
        list(self.top, "TOP");
        list(self.uidl, "UIDL");
        list(self.pipelining, "PIPELINING");
        list(self.response_codes, "RESP-CODES");
        list(self.response_codes, "AUTH-RESP-CODE");
        if !after_login {
            if tls || self.cleartext_login {
                list(self.user, "USER");
            }
            if !tls {
                list(self.stls, "STLS");
            }
            let names: Vec<&str> = self.offered(tls).map(Mechanism::name).collect();
            if self.mechanisms_listed && !names.is_empty() {
                lines.push(format!("SASL {}", names.join(" ")));
            }
        }
        let valued = [
            ("EXPIRE", self.expire.clone()),
            (
                "LOGIN-DELAY",
                self.login_delay.map(|delay| delay.to_string()),
            ),
            ("IMPLEMENTATION", self.implementation.clone()),
        ];
        for (name, value) in valued {
            lines.extend(value.map(|value| format!("{name} {value}")));
        }
        lines.extend(self.capability_lines.iter().cloned());
        lines
    }

    /// What is said of a line, by the whole of it or by its first word.
    pub(super) fn by_line<'a, T>(
        map: impl IntoIterator<Item = (&'a String, T)>,
        line: &str,
    ) -> Option<T> {
        let word = line.split(' ').next().unwrap_or_default();
        map.into_iter()
            .find(|(key, _)| {
                let by_word = key.strip_suffix(" *");
                key.eq_ignore_ascii_case(line)
                    || by_word.is_some_and(|key| key.eq_ignore_ascii_case(word))
            })
            .map(|(_, value)| value)
    }
}
