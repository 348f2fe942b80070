//! From a name to the TRANSACTION state: connect, TLS, capabilities, login.

use super::Run;
use super::event::{Event, Hint, Info};
use super::failure::{self, Stopped};
use super::wire::Wire;
use crate::config::{Account, Tls};
use crate::net::{CertificateFacts, Endpoint, Stream};
use crate::pop3::{self, NotAuthenticated, Pipelining, Session, Transaction};
use crate::sasl::{self, ChannelBinding, Credentials, Method};
use crate::secret::Secret;

/// A session before login, and the capabilities shown before STLS.
pub(super) struct Door<'a> {
    pub(super) session: Session<Wire<'a>>,
    pub(super) greeting: Vec<u8>,
    pub(super) before_tls: Option<Vec<Vec<u8>>>,
}

/// Connects and negotiates TLS as the account requires; nothing secret has been sent when this returns.
pub(super) fn knock<'a>(run: &Run<'a>, account: &'a Account) -> Result<Door<'a>, Stopped> {
    let endpoint = Endpoint {
        host: account.host.clone(),
        port: account.port,
    };
    let on_net = |error| failure::network(account, error);
    let on_wire = |error| failure::wire(account, error);
    let name = account
        .tls_settings
        .server_name
        .as_deref()
        .unwrap_or(&account.host);
    let mut stream = Stream::connect(&endpoint, account.timeouts, run.stop).map_err(on_net)?;
    if let Some(peer) = stream.peer() {
        run.listener.event(&account.name, Event::Connected(peer));
    }
    if account.tls == Tls::Implicit {
        stream = stream
            .start_tls(name, &account.tls_settings, &run.tls)
            .map_err(on_net)?;
    }
    stream.rearm();
    let wire = |stream| Wire::new(stream, &account.name, run.listener);
    let mut session = Session::greet(wire(stream)).map_err(on_wire)?;
    let greeting = session.greeting().to_vec();
    session.capa().map_err(on_wire)?;
    let mut before_tls = None;
    if account.tls == Tls::Stls {
        let offered = session.capabilities();
        // A server without CAPA may know STLS all the same; one that lists its capabilities has to list this one.
        if offered.known && !offered.stls {
            session.quit();
            return Err(failure::unavailable(
                account,
                "the server does not offer STLS, which tls = \"stls\" requires",
                Some(Hint::TlsMode),
            )
            .into());
        }
        before_tls = Some(offered.lines.clone());
        let bare = session.stls().map_err(on_wire)?;
        let stream = bare
            .into_stream()
            .start_tls(name, &account.tls_settings, &run.tls)
            .map_err(on_net)?;
        session = Session::resume(wire(stream));
        session.capa().map_err(on_wire)?;
    }
    Ok(Door {
        session,
        greeting,
        before_tls,
    })
}

impl Door<'_> {
    /// The methods to try, best first.
    pub(super) fn methods(&self, account: &Account) -> Result<Vec<Method>, sasl::NoMethod> {
        let capabilities = self.session.capabilities();
        let stream = self.session.wire().stream();
        sasl::choose(
            &account.auth,
            &sasl::Offer {
                mechanisms: &capabilities.sasl,
                user: !capabilities.known || capabilities.user || capabilities.sasl.is_empty(),
                apop: self.session.apop_stamp().is_some(),
                secure: stream.tls().is_some(),
                binding: stream.channel_binding().is_some()
                    && !self.binds_to_nothing_of_ours(account),
                allow_cleartext: account.allow_cleartext,
            },
        )
    }

    /// Whether `auto` need not try to bind: Cyrus (3.6) takes tls-unique alone, which no back end of ours
    /// has, and answers anything else after three seconds as a bad login. Who lists a bound method gets it all the same.
    fn binds_to_nothing_of_ours(&self, account: &Account) -> bool {
        let implementation = self.session.capabilities().implementation.as_deref();
        account.auth == sasl::Preference::Auto
            && implementation.is_some_and(|name| name.starts_with("Cyrus POP3"))
    }

    /// Goes away again without logging in.
    pub(super) fn leave(self) {
        self.session.quit();
    }

    /// What `info` can say before login.
    pub(super) fn info(&self, account: &Account) -> Info {
        let stream = self.session.wire().stream();
        Info {
            place: failure::place(account),
            peer: stream.peer(),
            greeting: self.greeting.clone(),
            tls: stream.tls().cloned(),
            certificate: stream
                .tls()
                .and_then(|tls| CertificateFacts::read(&tls.certificate)),
            before_tls: self.before_tls.clone(),
            before_login: self.session.capabilities().lines.clone(),
            methods: self.methods(account).unwrap_or_default(),
            ..Info::default()
        }
    }
}

/// A maildrop opened.
pub(super) struct Opened<'a> {
    pub(super) transaction: Transaction<Wire<'a>>,
    pub(super) method: Method,
    /// UIDL and LIST may go with CAPA in one write.
    pub(super) ahead: bool,
    /// CAPA was answered before login and is worth asking again.
    pub(super) capa: bool,
}

/// Logs in by the first method that works; over TLS one that is refused before the password mattered is followed by the next.
pub(super) fn open<'a>(
    run: &Run<'a>,
    account: &'a Account,
    door: Door<'a>,
    password: &Secret,
) -> Result<Opened<'a>, Stopped> {
    let methods = match door.methods(account) {
        Ok(methods) => methods,
        Err(error) => {
            let failure = failure::no_method(account, &error);
            door.session.quit();
            return Err(failure.into());
        }
    };
    let secure = door.session.wire().stream().tls().is_some();
    let binding = door
        .session
        .wire()
        .stream()
        .channel_binding()
        .map(|(kind, data)| ChannelBinding { kind, data });
    let capabilities = door.session.capabilities();
    let (capa, pipelining) = (capabilities.known, capabilities.pipelining);
    let credentials = Credentials {
        user: account.user.clone(),
        password: password.clone(),
    };
    let mut session = door.session;
    let mut refused = None;
    let mut remaining = methods.into_iter().peekable();
    while let Some(method) = remaining.next() {
        match session.authenticate(method, &credentials, binding.as_ref()) {
            Ok(transaction) => {
                run.listener.event(&account.name, Event::LoggedIn(method));
                let ahead = match account.pipelining {
                    Pipelining::Auto => pipelining,
                    Pipelining::On => true,
                    Pipelining::Off => false,
                };
                return Ok(Opened {
                    transaction,
                    method,
                    ahead,
                    capa,
                });
            }
            Err(NotAuthenticated::Failed(error)) => {
                return Err(match (error, refused) {
                    // Some servers end the connection with the first refusal: that one is what there is to say.
                    (pop3::Error::Io(_), Some((method, reply))) if run.stop.raised().is_none() => {
                        failure::login_refused(account, method, reply).into()
                    }
                    (error, _) => failure::wire(account, error),
                });
            }
            Err(NotAuthenticated::Method(again, reply)) => {
                let last =
                    remaining.peek().is_none() || !secure || failure::is_about_the_maildrop(&reply);
                // Who listed a bound method wants nothing less.
                if last || method.needs_binding() && account.auth != sasl::Preference::Auto {
                    again.quit();
                    return Err(failure::login_refused(account, method, reply).into());
                }
                session = *again;
                refused = Some((method, reply));
            }
        }
    }
    Err(failure::unavailable(account, "no login method is left to try", None).into())
}
