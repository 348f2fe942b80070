use super::connection::Connection;
use super::error::Error;
use super::reply::KEPT;
use super::wire::Wire;

/// So many lines are kept; more are read and understood all the same.
const LINES_KEPT: usize = 256;

/// No server has so many capabilities: the reply has no end.
const LINES: usize = 10_000;

/// So many mechanisms are kept.
const MECHANISMS: usize = 256;

/// What CAPA said (RFC 2449), or that it was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// False when the server answered -ERR to CAPA: nothing is known, only what every server has may be used.
    pub known: bool,
    /// TOP.
    pub top: bool,
    /// USER.
    pub user: bool,
    /// UIDL.
    pub uidl: bool,
    /// STLS (RFC 2595).
    pub stls: bool,
    /// PIPELINING.
    pub pipelining: bool,
    /// RESP-CODES.
    pub resp_codes: bool,
    /// AUTH-RESP-CODE (RFC 3206).
    pub auth_resp_code: bool,
    /// SASL mechanisms, upper case (RFC 5034).
    pub sasl: Vec<String>,
    /// Whether a SASL line was there at all.
    pub sasl_listed: bool,
    /// EXPIRE in days (RFC 2449 section 6.7).
    pub expire: Option<Expire>,
    /// LOGIN-DELAY in seconds.
    pub login_delay: Option<u64>,
    /// IMPLEMENTATION. Unsanitised.
    pub implementation: Option<String>,
    /// Every line as sent, bounded in number and length. Unsanitised.
    pub lines: Vec<Vec<u8>>,
}

/// EXPIRE's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    /// `NEVER`.
    Never,
    /// Days that a retrieved message stays; 0: gone with QUIT.
    Days(u64),
}

impl Capabilities {
    /// Reads the reply to CAPA.
    pub(super) fn read<S: Wire>(connection: &mut Connection<S>) -> Result<Self, Error> {
        let mut capabilities = Self::default();
        if !connection.status_before_lines()?.ok {
            return Ok(capabilities);
        }
        capabilities.known = true;
        let mut lines = 0;
        while let Some(line) = connection.line()? {
            lines += 1;
            if lines > LINES {
                return Err(Error::protocol("the list of capabilities has no end", line));
            }
            capabilities.add(line);
        }
        Ok(capabilities)
    }

    /// Whether UIDL is known to be missing. A list without any line says nothing.
    pub(super) fn lack_uidl(&self) -> bool {
        self.known && !self.lines.is_empty() && !self.uidl
    }

    fn add(&mut self, line: &[u8]) {
        if self.lines.len() < LINES_KEPT {
            self.lines.push(line[..line.len().min(KEPT)].to_vec());
        }
        let line = String::from_utf8_lossy(line);
        let (name, rest) = match line.trim().split_once([' ', '\t']) {
            Some((name, rest)) => (name, rest.trim()),
            None => (line.trim(), ""),
        };
        let mut words = rest.split_ascii_whitespace();
        match name.to_ascii_uppercase().as_str() {
            "TOP" => self.top = true,
            "USER" => self.user = true,
            "UIDL" => self.uidl = true,
            "STLS" => self.stls = true,
            "PIPELINING" => self.pipelining = true,
            "RESP-CODES" => self.resp_codes = true,
            "AUTH-RESP-CODE" => self.auth_resp_code = true,
            "SASL" => {
                self.sasl_listed = true;
                let room = MECHANISMS.saturating_sub(self.sasl.len());
                self.sasl
                    .extend(words.map(str::to_ascii_uppercase).take(room));
            }
            "EXPIRE" => {
                self.expire = match words.next() {
                    Some(word) if word.eq_ignore_ascii_case("NEVER") => Some(Expire::Never),
                    Some(word) => word.parse().ok().map(Expire::Days),
                    None => None,
                };
            }
            // So spelled by mailutils.
            "EXPIRENEVER" => self.expire = Some(Expire::Never),
            "LOGIN-DELAY" => self.login_delay = words.next().and_then(|word| word.parse().ok()),
            "IMPLEMENTATION" => {
                self.implementation = Some(rest.chars().take(KEPT).collect());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pop3::command::Command;
    use crate::pop3::script::Script;

    fn read(reply: &[u8]) -> Result<Capabilities, Error> {
        let mut connection = Connection::new(Script::new().expect("CAPA\r\n").send(reply), false);
        connection.command(&Command::Capa)?;
        Capabilities::read(&mut connection)
    }

    fn of(lines: &str) -> Capabilities {
        read(format!("+OK\r\n{lines}.\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn each_capability() {
        let all = of(
            "TOP\r\nuser\r\nUIDL\r\nSTLS\r\nPipelining\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n\
             SASL plain LOGIN  SCRAM-SHA-256\r\nEXPIRE 60\r\nLOGIN-DELAY 900 USER\r\n\
             IMPLEMENTATION Shlemazle-Plotz-v302 beta\r\nXYZZY 1 2\r\n",
        );
        assert!(all.known && all.top && all.user && all.uidl && all.stls && all.pipelining);
        assert!(all.resp_codes && all.auth_resp_code && all.sasl_listed);
        assert_eq!(all.sasl, ["PLAIN", "LOGIN", "SCRAM-SHA-256"]);
        assert_eq!(all.expire, Some(Expire::Days(60)));
        assert_eq!(all.login_delay, Some(900));
        assert_eq!(
            all.implementation.as_deref(),
            Some("Shlemazle-Plotz-v302 beta")
        );
        assert_eq!(all.lines.len(), 12);
        assert_eq!(all.lines[11], b"XYZZY 1 2");
    }

    #[test]
    fn refused_is_not_known() {
        assert_eq!(read(b"-ERR what?\r\n").unwrap(), Capabilities::default());
        assert_eq!(read(b"-ERR\r\n").unwrap(), Capabilities::default());
        assert!(of("").known);
    }

    #[test]
    fn expire() {
        for (line, expected) in [
            ("EXPIRE NEVER", Some(Expire::Never)),
            ("EXPIRE never", Some(Expire::Never)),
            ("EXPIRENEVER", Some(Expire::Never)),
            ("EXPIRE 0", Some(Expire::Days(0))),
            ("EXPIRE 0 USER", Some(Expire::Days(0))),
            ("EXPIRE", None),
            ("EXPIRE -1", None),
            ("EXPIRE soon", None),
        ] {
            assert_eq!(of(&format!("{line}\r\n")).expire, expected, "{line}");
        }
    }

    #[test]
    fn odd_lists_of_real_servers() {
        // Twisted: PIPELINE is not PIPELINING.
        let twisted = of("TOP\r\nUSER\r\nUIDL\r\nPIPELINE\r\nCELERITY\r\nAUSPEX\r\nPOTENCE\r\n");
        assert!(!twisted.pipelining && twisted.uidl && !twisted.sasl_listed);
        // Dovecot before TLS: a SASL line without a mechanism.
        let dovecot = of("CAPA\r\nTOP\r\nUIDL\r\nSTLS\r\nSASL\r\n");
        assert!(dovecot.sasl_listed && dovecot.sasl.is_empty() && !dovecot.user);
        // Lines that end in LF alone, lines that are empty or stuffed.
        let odd = of("TOP \n\r\n..\r\n  UIDL\t\r\n");
        assert!(odd.top && odd.uidl);
        assert_eq!(odd.lines[2], b".");
    }

    #[test]
    fn is_bounded() {
        let many = of(&format!("{}UIDL\r\n", "X\r\n".repeat(9000)));
        assert_eq!(many.lines.len(), LINES_KEPT);
        assert!(many.uidl);
        let long = of(&format!("SASL {}\r\n", "A ".repeat(5000)));
        assert_eq!(long.sasl.len(), MECHANISMS);
        assert_eq!(long.lines[0].len(), KEPT);
        let endless = format!("+OK\r\n{}", "X\r\n".repeat(LINES + 1));
        assert!(matches!(
            read(endless.as_bytes()),
            Err(Error::Protocol { .. })
        ));
    }
}
