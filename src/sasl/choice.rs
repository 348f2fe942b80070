use super::Method;

/// The `auth` key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Preference {
    /// The strongest the server offers and the connection allows.
    #[default]
    Auto,
    /// These only, in this order.
    List(Vec<Method>),
}

/// What a choice of method depends on.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// Mechanisms of CAPA's SASL line, upper case.
    pub mechanisms: &'a [String],
    /// Whether USER may be tried: CAPA lists it, is missing, or lists neither USER nor SASL.
    pub user: bool,
    /// The greeting's APOP challenge is a valid msg-id.
    pub apop: bool,
    /// The connection is TLS.
    pub secure: bool,
    /// A channel binding can be had.
    pub binding: bool,
    /// The account's `allow_cleartext`.
    pub allow_cleartext: bool,
}

/// Why there is no way to log in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoMethod {
    /// The server offers nothing we may use.
    #[error("the server offers no login method that is allowed here (offered: {0})")]
    NotOffered(String),
    /// Something would do, were the connection encrypted or `allow_cleartext` set.
    #[error("refusing to send the password in clear")]
    Cleartext,
}

/// `auto`, best first, with what it asks of the connection.
///
/// Of the bound methods only the best that is offered is tried: a server that refuses one because it knows
/// another type of binding would refuse the next too, and make us wait for it.
const AUTO: [Method; 8] = [
    Method::ScramSha256Plus,
    Method::ScramSha1Plus,
    Method::ScramSha256,
    Method::ScramSha1,
    Method::CramMd5,
    Method::Plain,
    Method::Login,
    Method::User,
];

/// The methods to try, best first. Never empty.
///
/// `auto` over TLS: SCRAM (the best bound one first), PLAIN, LOGIN, USER; without TLS: SCRAM, then, only with
/// `allow_cleartext`, CRAM-MD5, PLAIN, LOGIN, USER. A list is taken in its order, less what is not
/// offered; methods that reveal the password need TLS or `allow_cleartext` there too.
///
/// # Errors
/// [`NoMethod`] says which of the two reasons it is.
pub fn choose(preference: &Preference, offer: &Offer<'_>) -> Result<Vec<Method>, NoMethod> {
    let auto = *preference == Preference::Auto;
    let wanted: &[Method] = match preference {
        Preference::Auto => &AUTO,
        Preference::List(methods) => methods,
    };
    let mut chosen: Vec<Method> = Vec::new();
    let mut too_clear = false;
    for &method in wanted.iter().filter(|method| offer.has(**method)) {
        let doubled = chosen.contains(&method)
            || auto && method.needs_binding() && chosen.iter().any(|other| other.needs_binding());
        // A digest of the password is for cleartext connections only: over TLS something better is at hand.
        let outdated = auto && method == Method::CramMd5 && offer.secure;
        let clear = !offer.secure
            && !offer.allow_cleartext
            && (method.reveals_password() || auto && method == Method::CramMd5);
        too_clear |= clear;
        if !doubled && !outdated && !clear {
            chosen.push(method);
        }
    }
    match (chosen.is_empty(), too_clear) {
        (false, _) => Ok(chosen),
        (true, true) => Err(NoMethod::Cleartext),
        (true, false) => Err(NoMethod::NotOffered(offer.words())),
    }
}

impl Offer<'_> {
    /// Whether the server and the connection allow a method, cleartext aside.
    fn has(&self, method: Method) -> bool {
        match (method, method.mechanism()) {
            (Method::Apop, _) => self.apop,
            (Method::User, _) => self.user,
            (_, None) => false,
            (_, Some(name)) => {
                self.mechanisms.iter().any(|offered| offered == name)
                    && (!method.needs_binding() || self.secure && self.binding)
            }
        }
    }

    /// What the server offers, for a message.
    fn words(&self) -> String {
        let offered: Vec<&str> = self
            .mechanisms
            .iter()
            .map(String::as_str)
            .chain(self.apop.then_some("APOP"))
            .chain(self.user.then_some("USER"))
            .collect();
        if offered.is_empty() {
            "nothing".to_owned()
        } else {
            offered.join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use Method::*;

    use super::*;

    /// `t` TLS, `b` binding, `c` allow_cleartext, `u` USER, `a` APOP.
    fn chosen(
        preference: &Preference,
        mechanisms: &str,
        flags: &str,
    ) -> Result<Vec<Method>, NoMethod> {
        let mechanisms: Vec<String> = mechanisms.split_whitespace().map(str::to_owned).collect();
        let offer = Offer {
            mechanisms: &mechanisms,
            user: flags.contains('u'),
            apop: flags.contains('a'),
            secure: flags.contains('t'),
            binding: flags.contains('b'),
            allow_cleartext: flags.contains('c'),
        };
        choose(preference, &offer)
    }

    const ALL: &str =
        "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS GSSAPI";

    #[test]
    fn auto() {
        for (mechanisms, flags, expected) in [
            (
                ALL,
                "tbuac",
                vec![ScramSha256Plus, ScramSha256, ScramSha1, Plain, Login, User],
            ),
            (ALL, "tua", vec![ScramSha256, ScramSha1, Plain, Login, User]),
            (
                ALL,
                "buc",
                vec![ScramSha256, ScramSha1, CramMd5, Plain, Login, User],
            ),
            (ALL, "ua", vec![ScramSha256, ScramSha1]),
            (
                "SCRAM-SHA-1-PLUS SCRAM-SHA-256",
                "tb",
                vec![ScramSha1Plus, ScramSha256],
            ),
            ("PLAIN LOGIN", "t", vec![Plain, Login]),
            ("", "tu", vec![User]),
            ("", "uc", vec![User]),
            ("CRAM-MD5", "cu", vec![CramMd5, User]),
        ] {
            assert_eq!(
                chosen(&Preference::Auto, mechanisms, flags),
                Ok(expected),
                "{mechanisms} {flags}"
            );
        }
    }

    #[test]
    fn auto_finds_nothing() {
        let not_offered = |words: &str| NoMethod::NotOffered(words.into());
        for (mechanisms, flags, expected) in [
            ("", "t", not_offered("nothing")),
            ("GSSAPI XOAUTH2", "ta", not_offered("GSSAPI XOAUTH2 APOP")),
            ("CRAM-MD5", "t", not_offered("CRAM-MD5")),
            ("SCRAM-SHA-256-PLUS", "t", not_offered("SCRAM-SHA-256-PLUS")),
            ("SCRAM-SHA-256-PLUS", "b", not_offered("SCRAM-SHA-256-PLUS")),
            ("", "a", not_offered("APOP")),
            ("PLAIN", "", NoMethod::Cleartext),
            ("CRAM-MD5", "", NoMethod::Cleartext),
            ("", "u", NoMethod::Cleartext),
        ] {
            assert_eq!(
                chosen(&Preference::Auto, mechanisms, flags),
                Err(expected),
                "{mechanisms} {flags}"
            );
        }
    }

    #[test]
    fn a_list_is_taken_in_its_order() {
        let list = Preference::List(vec![Apop, User, CramMd5, Plain, ScramSha1, User]);
        for (mechanisms, flags, expected) in [
            (ALL, "tua", Ok(vec![Apop, User, CramMd5, Plain, ScramSha1])),
            (ALL, "ua", Ok(vec![Apop, CramMd5, ScramSha1])),
            (ALL, "uac", Ok(vec![Apop, User, CramMd5, Plain, ScramSha1])),
            ("PLAIN", "", Err(NoMethod::Cleartext)),
            ("LOGIN", "t", Err(NoMethod::NotOffered("LOGIN".into()))),
        ] {
            assert_eq!(
                chosen(&list, mechanisms, flags),
                expected,
                "{mechanisms} {flags}"
            );
        }
    }

    #[test]
    fn a_list_may_name_every_bound_method() {
        let list = Preference::List(vec![ScramSha1Plus, ScramSha256Plus]);
        assert_eq!(
            chosen(&list, ALL, "tb"),
            Ok(vec![ScramSha1Plus, ScramSha256Plus])
        );
        assert!(chosen(&list, ALL, "t").is_err());
        assert!(chosen(&Preference::List(Vec::new()), ALL, "tbu").is_err());
    }
}
