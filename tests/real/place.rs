//! What every real server offers a test: an address, users, and what is in their maildrops.

use std::path::PathBuf;

use crate::namespace::Namespace;
use crate::support::maildrop::{Message, odd_messages};
use crate::support::popfetch::Account;
use crate::support::tls::{Authority, NAMES};

/// A running server. It ends when dropped.
pub(crate) struct Place {
    /// Its folder and processes.
    pub(crate) namespace: Namespace,
    /// The plain port, with STLS where the server has it.
    pub(crate) port: u16,
    /// The port for implicit TLS.
    pub(crate) tls_port: Option<u16>,
    /// Who has mail here.
    pub(crate) users: Vec<User>,
}

/// A user of a server.
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    /// The messages in the maildrop, in order, as they are to be delivered (LF line ends).
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Place {
    /// The address.
    pub(crate) const HOST: &'static str = "127.0.0.1";

    /// The CA that vouches for the server, PEM.
    pub(crate) fn ca(&self) -> PathBuf {
        self.namespace.path("ca.pem")
    }

    /// A user.
    pub(crate) fn user(&self, name: &str) -> &User {
        self.users.iter().find(|user| user.name == name).unwrap()
    }

    /// An account of a user, by implicit TLS where there is any, else in clear.
    pub(crate) fn account(&self, name: &str, user: &str) -> Account {
        let Some(port) = self.tls_port else {
            return self.in_clear(name, user);
        };
        Account::new(name, Self::HOST, user)
            .set("password", self.user(user).password)
            .set("port", i64::from(port))
            .set("tls_ca_file", self.ca().to_str().unwrap())
    }

    /// An account of a user without TLS, where the password may go in clear.
    pub(crate) fn in_clear(&self, name: &str, user: &str) -> Account {
        Account::new(name, Self::HOST, user)
            .set("password", self.user(user).password)
            .set("port", i64::from(self.port))
            .set("tls", "none")
            .set("allow_cleartext", true)
    }
}

/// The users every server has: alice has odd messages, bob an odd password and 3, carol none, dave 200, erin 1,000.
pub(crate) fn users() -> Vec<User> {
    let numbered = |count| (1..=count).map(Message::numbered).collect();
    let user = |name, password, messages: Vec<Message>| User {
        name,
        password,
        messages: messages.iter().map(Message::on_disk).collect(),
    };
    vec![
        user("alice", "alice-secret", odd_messages()),
        user("bob", "b0b pass \"word\\", numbered(3)),
        user("carol", "carol-secret", Vec::new()),
        user("dave", "dave-secret", numbered(200)),
        user("erin", "erin-secret", numbered(1000)),
    ]
}

/// Writes `ca.pem`, `server.pem` and `server.key`, which every user may read.
pub(crate) fn write_certificates(namespace: &Namespace) {
    let identity = Authority::shared().issue(&NAMES);
    namespace.write("ca.pem", Authority::shared().pem());
    namespace.write("server.pem", &identity.certificate_pem);
    namespace.write("server.key", &identity.key_pem);
}
